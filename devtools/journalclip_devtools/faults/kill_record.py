"""The record of a kill matrix: one JSON line a death, so that hours of it may be stopped and gone on with.

Lines are written only once the run that they belong to was proven (audit clean, dataset as undisturbed), all at a time:
a service and a seed are done when every point of the service's share stands in the file, and are then not run again.
A point that was added since makes them open again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from journalclip_devtools.faults.kill_matrix import SERVICES, Kill, share


class Record:
    """Deaths by (service, point, seed), in a file that processes may share. ``None`` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def kills(self) -> Iterator[Kill]:
        """What is on record; a line that a power cut left half is passed over."""
        if self._path is None or not self._path.is_file():
            return
        for line in self._path.read_text().splitlines():
            try:
                yield Kill(**json.loads(line))
            except (ValueError, TypeError):
                continue

    def done(self, service: str, seed: int) -> bool:
        met = {kill.point for kill in self.kills() if (kill.service, kill.seed) == (service, seed)}
        return met >= set(share(service, seed))

    def add(self, kills: Iterable[Kill]) -> None:
        """On disk when this returns."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.writelines(json.dumps(asdict(kill)) + "\n" for kill in kills)
            file.flush()
            os.fsync(file.fileno())

    def summary(self) -> str:
        """How far it is, in one sentence."""
        kills = {(kill.service, kill.point, kill.seed) for kill in self.kills()}
        seeds = Counter(service for service, seed in {(service, seed) for service, _, seed in kills})
        each = ", ".join(f"{service} {seeds[service]}" for service in SERVICES)
        return f"{len(kills)} kills at {len({point for _, point, _ in kills})} points on record; seeds: {each}"
