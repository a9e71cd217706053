"""Which delivery a process was handling when it died: a record that kills its handler again and again is found by it.

Each handling thread keeps one small file that names its delivery. It is written before the handler starts and emptied
when the thread has nothing to do, so a process that dies leaves the name behind, and the next one counts it. The folder
must outlive the process: the working folder on a laptop, the pod's work volume on a cluster. A file is locked while its
process lives, so several processes of one group may share a folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from journalclip_shared.atomic import write_atomically
from journalclip_shared.bus import Delivery

_WIDTH = 512  # bytes of one entry; a topic's name has 249 at most


class CrashCounter:
    """Counts, by delivery, how often the process died while it was being handled.

    ``limit`` is the count from which `killed` says so; 0 counts nothing and writes nothing.
    """

    def __init__(self, folder: Path | None, group: str, limit: int) -> None:
        self._limit = limit if folder is not None else 0
        self._counts: dict[str, int] = {}
        self._slots: dict[int, int] = {}
        if folder is None or not limit:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._base = folder / group
        self._file = folder / f"{group}.counts.json"
        self._counts = _read(self._file)
        found = [self._take(path) for path in sorted(folder.glob(f"{group}.slot-*"))]
        for place in filter(None, found):
            self._counts[place] = self._counts.get(place, 0) + 1
        if any(found):
            self._store()

    def begin(self, slot: int, delivery: Delivery) -> None:
        """Thread ``slot`` starts with ``delivery``."""
        if self._limit:
            os.pwrite(self._descriptor(slot), _place(delivery).encode().ljust(_WIDTH), 0)

    def end(self, slot: int) -> None:
        """Thread ``slot`` has nothing in hand."""
        if self._limit and slot in self._slots:
            os.pwrite(self._slots[slot], b" " * _WIDTH, 0)

    def killed(self, delivery: Delivery) -> int:
        """How often ``delivery`` was in hand when the process died, where that reaches the limit; else 0."""
        count = self._counts.get(_place(delivery), 0) if self._limit else 0
        return count if count >= self._limit else 0

    def forget(self, delivery: Delivery) -> None:
        """It came to an end."""
        if self._limit and self._counts.pop(_place(delivery), None) is not None:
            self._store()

    def close(self) -> None:
        """All threads ended as they should."""
        for slot in self._slots:
            self.end(slot)
            self._path(slot).unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Let go of the files as they are, as the death of the process does."""
        for descriptor in self._slots.values():
            os.close(descriptor)
        self._slots.clear()

    def _descriptor(self, slot: int) -> int:
        if slot not in self._slots:
            self._slots[slot] = os.open(self._path(slot), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._slots[slot], fcntl.LOCK_EX)
        return self._slots[slot]

    def _path(self, slot: int) -> Path:
        return self._base.with_name(f"{self._base.name}.slot-{os.getpid()}-{id(self)}-{slot}")

    def _take(self, path: Path) -> str:
        """What a dead process had in hand; empty where the process lives."""
        with path.open("rb") as left:
            try:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return ""
            place = left.read().decode(errors="replace").strip(" \0")
            path.unlink(missing_ok=True)
        return place

    def _store(self) -> None:
        write_atomically(self._file, json.dumps(self._counts, sort_keys=True).encode())


def _place(delivery: Delivery) -> str:
    return f"{delivery.topic}/{delivery.partition}/{delivery.offset}"


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # a torn file loses a count, which the next deaths bring back
        return {}
    return {str(place): int(count) for place, count in found.items()}
