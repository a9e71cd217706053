"""One promoter at a time. On one machine a file lock, which the kernel drops when its holder dies.

For a cluster, where promoters share no disk, see `journalclip_promotion.lease`.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journalclip_promotion.errors import LockBusy

_POLL_S = 0.005  # what is done under the lock takes tens of milliseconds


class Lock(Protocol):
    """Mutual exclusion among promoters."""

    def hold(self) -> AbstractContextManager[None]:
        """Exclusive until left, or until the process dies. Raises `LockBusy` after the lock's own patience."""
        ...


@dataclass(frozen=True)
class FileLock:
    """An advisory lock on a file; any number of processes and threads of one machine."""

    path: Path
    patience_s: float = 60.0

    @contextmanager
    def hold(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w") as handle:
            self._acquire(handle.fileno())
            yield

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockBusy(f"{self.path} is held by another promoter") from None
                time.sleep(_POLL_S)
            else:
                return
