"""How much one article may use; the kernel enforces it on the child, the parent counts the output."""

from __future__ import annotations

import resource
from dataclasses import dataclass

MIB = 1 << 20
_STARVED = 0.05  # of wall-clock: what a busy child gets on a machine with twenty times more work than cores
_PATIENCE = 6.0  # times wall_s


@dataclass(frozen=True)
class Limits:
    """Defaults: no article of the corpus comes near any of them, every hostile file ends within 20 s and 1 GiB."""

    wall_s: float = 19.0  # with start and kill below the 20 s that an article may cost on a machine that is not busy
    cpu_s: int = 15  # the fair measure: a busy machine stretches wall-clock, not this
    memory_bytes: int = 1024 * MIB  # address space, of which interpreter and libraries hold 330 MB
    input_bytes: int = 256 * MIB  # above it no child is started
    output_bytes: int = 256 * MIB
    open_files: int = 64

    @property
    def patience_s(self) -> float:
        """How long a child that works but hardly gets a core may take, all in all."""
        return _PATIENCE * self.wall_s

    def stalled(self, wall_s: float, cpu_s: float) -> bool:
        """Is its time up? Past ``wall_s`` a child that sleeps is; one that is starved of cores has its CPU limit."""
        return wall_s >= self.wall_s and (cpu_s < _STARVED * wall_s or wall_s >= self.patience_s)

    def apply(self) -> None:
        """Bind this process; there is no way back."""
        # Soft below hard: SIGXCPU at the soft limit says which limit it was, SIGKILL follows for those who ignore it.
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_s, self.cpu_s + 1))
        resource.setrlimit(resource.RLIMIT_AS, (self.memory_bytes, self.memory_bytes))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # writes no file; pipes do not count
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))
