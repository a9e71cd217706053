"""Changing the champion without a failed request: load beside, verify, warm, swap.

`CurrentSnapshot` has the one reference that answers are taken from; replacing it is one assignment.
`Reloader.check` looks at the alias. When the champion or its segments changed, it prepares a whole new snapshot first.
A new champion takes over when its index has all that is searchable now. Any failure while preparing leaves the old one
in service and is given by `problem`; the next check tries again. A thread of this module ends only when it is told to.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from journalclip_inference.errors import NoChampion
from journalclip_inference.index.collection import Collection, segments_of
from journalclip_inference.reader import Reader
from journalclip_inference.snapshot import Snapshot, champion_of, load_snapshot, warm
from journalclip_modeling.encoder import Encoder
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.errors import JournalclipError
from journalclip_shared.events import ModelPromoted, PairsStructured
from journalclip_shared.registry import ModelRegistry, ModelVersion

_log = logging.getLogger(__name__)
_SOON_EVERY_S = 0.2  # between two checks that follow an announcement
_IDLE_S = 0.5  # a listener that hears nothing looks so often whether it should stop
_AGAIN_S = 2.0  # after the bus failed
_LONGEST = 500  # characters of an unforeseen error that are shown
T = TypeVar("T")


class CurrentSnapshot:
    """The snapshot in service."""

    def __init__(self) -> None:
        self._current: Snapshot | None = None

    @property
    def ready(self) -> bool:
        return self._current is not None

    def take(self) -> Snapshot:
        """The snapshot to answer one request with, taken once. Raises `NoChampion`."""
        current = self._current
        if current is None:
            raise NoChampion
        return current

    def swap(self, snapshot: Snapshot) -> None:
        self._current = snapshot


class Reloader:
    """Keeps a holder at the champion."""

    def __init__(
        self,
        store: ArtifactStore,
        registry: ModelRegistry,
        cache: Path,
        holder: CurrentSnapshot,
        load: Callable[[Path], Encoder] = Encoder.load,
    ) -> None:
        self._store = store
        self._registry = registry
        self._cache = cache
        self._holder = holder
        self._load = load
        self._lock = threading.Lock()
        self._version = ""
        self.reloads = 0
        self.failures = 0
        self.problem = ""

    def check(self) -> bool:
        """True where a new snapshot was put in service. Raises nothing: see `problem`."""
        with self._lock:
            changed, error = _tried(self._check)
            if error is None:
                self.problem = ""
                return bool(changed)
            self.failures += 1
            self.problem = said(error)
            _log.warning("the champion cannot be loaded; the former one stays: %s", self.problem, exc_info=_odd(error))
            return False

    def _check(self) -> bool:
        champion = champion_of(self._registry)
        snapshot = self._fresh(champion)
        if snapshot is None:
            return False
        warm(snapshot)
        self._holder.swap(snapshot)
        self._version = champion.version
        self.reloads += 1
        _log.info("serving version %s (%s)", champion.version, snapshot.manifest.model_id)
        return True

    def _fresh(self, champion: ModelVersion) -> Snapshot | None:
        if self._version != champion.version:
            former = self._holder.take().collection if self._holder.ready else None
            return load_snapshot(self._store, self._cache, champion, self._load, former)
        current = self._holder.take()
        manifest = current.manifest
        there = segments_of(self._store, manifest.model_id, manifest.dataset_id)
        if len(there) == len(current.collection.segments):
            return None
        cache, former = self._cache / "indexes", current.collection
        collection = Collection.open(self._store, cache, manifest.model_id, manifest.dataset_id, former)
        return Snapshot(current.encoder, Reader.of(collection, champion.version), manifest)


def watch(reloader: Reloader, stop: threading.Event, poll_s: float) -> None:
    """Check the alias every ``poll_s`` until told to stop."""
    while not stop.wait(poll_s):
        reloader.check()


def listen(check: Callable[[], bool], bus: Bus, group: str, stop: threading.Event, soon_s: float = 10.0) -> None:
    """Check whenever a promotion or new pairs are announced; ``group`` is this process's own, so none is missed.

    Index and segment are written a moment after what announces them, and tell nobody: checks then follow closely until
    one changes something, for ``soon_s`` at most. Where the bus fails, it is listened to again a moment later; the
    alias is looked at by the clock meanwhile.
    """
    while not stop.is_set():
        _, error = _tried(lambda: _listen(check, bus, group, stop, soon_s))
        if error is not None:
            _log.warning("promotions are not heard; trying again: %s", said(error), exc_info=_odd(error))
            stop.wait(_AGAIN_S)


def _listen(check: Callable[[], bool], bus: Bus, group: str, stop: threading.Event, soon_s: float) -> None:
    consumer = bus.consumer([ModelPromoted.topic, PairsStructured.topic], group)
    expecting = 0.0  # until when
    try:
        while not stop.is_set():
            soon = time.monotonic() < expecting
            deliveries = consumer.poll(_SOON_EVERY_S if soon else _IDLE_S, 100)
            if deliveries:
                expecting = time.monotonic() + soon_s
            if (deliveries or soon) and check():
                expecting = 0.0
            if deliveries:
                consumer.commit(deliveries)
    finally:
        consumer.close()


def _tried(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What ``work`` gives, or what it raised, whatever that is: a torn file, memory that ran out, a bug."""
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - a thread that dies here would serve an old model without a word
        return None, error


def said(error: BaseException) -> str:
    """An error as readers of `/readyz` see it; one that nothing foresaw with its class."""
    return str(error) if isinstance(error, JournalclipError) else f"{type(error).__name__}: {error}"[:_LONGEST]


def _odd(error: Exception) -> Exception | None:
    """Errors that nothing foresaw are logged with their trace."""
    return None if isinstance(error, JournalclipError) else error
