"""How a child ended and what it used, as the zygote saw it: the one witness that never touched the article."""

from __future__ import annotations

import json
import os
import resource
import signal
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Usage:
    """``signal`` is 0 where the child exited by itself; ``killed`` says that its wall-clock time was up."""

    exit_code: int = 0
    signal: int = 0
    killed: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0

    @property
    def clean(self) -> bool:
        return not (self.exit_code or self.signal or self.killed)

    @property
    def out_of_time(self) -> bool:
        return self.killed or self.signal == signal.SIGXCPU

    def starved(self, patience_s: float) -> bool:
        """Was it stopped at the end of all patience? A child that worked until then lacked a core, not time."""
        return self.killed and self.wall_s >= patience_s

    def describe(self) -> str:
        if self.signal:
            return f"died of signal {self.signal} ({signal.strsignal(self.signal) or 'unknown'})"
        return f"exited with code {self.exit_code}"

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> Usage:
        return cls(**json.loads(data))

    @classmethod
    def of(cls, status: int, spent: resource.struct_rusage, killed: bool, wall_s: float) -> Usage:
        """From what ``os.wait4`` returned."""
        return cls(
            exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            killed=killed,
            wall_s=round(wall_s, 4),
            cpu_s=round(spent.ru_utime + spent.ru_stime, 4),
            peak_bytes=spent.ru_maxrss * 1024,  # Linux counts it in KiB
        )
