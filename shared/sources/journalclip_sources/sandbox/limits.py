"""How much one article may use; the kernel enforces it on the child, the parent counts the output."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass, replace

MIB = 1 << 20
_ASLEEP = 0.002  # of wall-clock: less CPU than this in a window is sleep; a starved worker gets more
_WINDOW_S = 5.0
_OCR_TIMES = 12
_BUSY = 6.0  # times most_cpu_s: how long a file of many pages may take on a busy machine
_FEW_PAGES = 40  # an article; an issue has more, and may take more memory
_PATIENCE = 6.0  # times wall_s


@dataclass(frozen=True)
class Limits:
    """Defaults: no article of the corpus comes near any of them, every hostile file ends within 20 s and 1 GiB."""

    wall_s: float = 19.0  # with start and kill below the 20 s that an article may cost on a machine that is not busy
    cpu_s: int = 15  # the fair measure: a busy machine stretches wall-clock, not this
    memory_bytes: int = 1024 * MIB  # address space, of which interpreter, libraries and the image network hold 490 MB
    input_bytes: int = 256 * MIB  # above it no child is started
    output_bytes: int = 256 * MIB
    open_files: int = 64
    page_cpu_s: int = 2  # a file of many pages may take more than cpu_s: this for each page,
    most_cpu_s: int = 1200  # up to this,
    most_memory_bytes: int = 2048 * MIB  # and this much memory

    @property
    def patience_s(self) -> float:
        """How long a child that works but hardly gets a core may take, all in all. What ends there says nothing of
        the file: the limit of a file is CPU time."""
        return max(_PATIENCE * self.wall_s, _BUSY * self.most_cpu_s)

    def for_ocr(self) -> Limits:
        """The same with the time that OCR takes: some 5 s of CPU a page, for an article of 30."""
        times = _OCR_TIMES
        return replace(self, wall_s=times * self.wall_s, cpu_s=times * self.cpu_s, most_cpu_s=times * self.most_cpu_s)

    def apply(self) -> None:
        """Bind this process; there is no way back."""
        # Soft below hard: SIGXCPU at the soft limit says which limit it was, SIGKILL follows for those who ignore it.
        # The room above is what `allow_pages` raises the soft limits into.
        _lower(resource.RLIMIT_CPU, self.cpu_s, max(self.cpu_s, self.most_cpu_s) + 1)
        _lower(resource.RLIMIT_AS, self.memory_bytes, max(self.memory_bytes, self.most_memory_bytes))
        _lower(resource.RLIMIT_FSIZE, 0)  # writes no file; pipes do not count
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_NOFILE, self.open_files)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or leave the one that the service itself was started under where that is lower."""
    inherited = resource.getrlimit(kind)[1]
    ceiling = sys.maxsize if inherited == resource.RLIM_INFINITY else inherited
    resource.setrlimit(kind, (min(soft, ceiling), min(soft if hard is None else hard, ceiling)))


def allow_pages(pages: int) -> None:
    """In a child that has opened its file: raise the limits of time and memory to what ``pages`` pages may take.

    Where no limit is set (outside the sandbox) nothing changes.
    """
    page = Limits()
    _raise(resource.RLIMIT_CPU, page.page_cpu_s * pages, page.most_cpu_s)
    if pages > _FEW_PAGES:
        _raise(resource.RLIMIT_AS, page.most_memory_bytes, page.most_memory_bytes)


def _raise(kind: int, wanted: int, most: int) -> None:
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY:
        return
    ceiling = most if hard == resource.RLIM_INFINITY else min(hard, most)
    resource.setrlimit(kind, (max(soft, min(wanted, ceiling)), hard))


class Watch:
    """Is a child's time up? Asked again and again with its age and CPU time; remembers the window before.

    Past ``wall_s`` a child that sleeps is stopped. One that works, if slowly on a busy machine, goes on to its
    CPU limit, so that load decides no article's fate, or to ``patience_s``.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._window_s = min(_WINDOW_S, limits.wall_s / 2)
        self._since: tuple[float, float] | None = None

    def ask_at(self) -> float:
        """The age from which on it is worth asking."""
        return self._limits.wall_s - self._window_s if self._since is None else self._since[0] + self._window_s

    def is_up(self, wall_s: float, cpu_s: float) -> bool:
        if wall_s < self.ask_at():
            return False
        before, self._since = self._since, (wall_s, cpu_s)
        if before is None:
            return False
        asleep = cpu_s - before[1] < _ASLEEP * (wall_s - before[0])
        return asleep or wall_s >= self._limits.patience_s
