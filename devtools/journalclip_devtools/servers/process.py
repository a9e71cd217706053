"""One server process: started in its own folder, ready when it answers, stopped by its own id.

It is its own process group, so that Ctrl-C in a terminal reaches us first and we stop it in order; should we be killed,
the kernel's parent-death signal ends it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_shared.errors import PermanentError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STOP_S = 20.0  # Kafka closes its log segments within a few seconds
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Server:
    """A running (or stopped, or killed and restartable) server."""

    name: str
    command: Sequence[str]
    folder: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 400.0  # a start takes five seconds on an idle machine, minutes on a crowded one
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers. Raises `PermanentError` with the end of its log where it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command),
                cwd=self.folder,
                # PATH and HOME as they are: java and its friends need them, and they are no settings of ours.
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # a prctl call only: nothing that a lock of another thread could block
            )
        deadline = time.monotonic() + self.timeout_s
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = " | ".join(self.log.read_text(errors="replace").splitlines()[-3:])
                raise PermanentError("server-start-failed", f"{self.name}: {tail}", f"Read {self.log}.")
            time.sleep(0.1)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def ended(self) -> bool:
        """It was started, nobody stopped it, and it does not run any more."""
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """Ask it to end, and make it end where it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """As a power cut: no shutdown of any kind."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Stop the clock of the process: connections stay open and nothing answers."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept_port(folder: Path, name: str) -> int:
    """The port that a server of this folder had last, so that what was told of it still holds; where another process
    took it meanwhile, or at the first start, a free one."""
    path = folder / f"{name}.port"
    kept = path.read_text() if path.is_file() else ""
    last = int(kept) if kept.isdigit() else 0
    port = last if last and not listening(last) else free_port()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(port))
    return port


def listening(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def answers(url: str) -> bool:
    """Whether a server on this machine answers this address with status 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - a loopback address made here
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
