"""How many words of people there are, and whether some came that no freeze has covered.

A word is a manifest (a review, a withdrawal) and none is ever deleted, so their number says whether there are new ones,
also after a restart and where an event was missed.
"""

from __future__ import annotations

from collections.abc import Callable

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.kinds import Kind


class Decisions:
    """Counts the words about one kind in one store."""

    def __init__(self, store: ArtifactStore, clock: Callable[[], float], kind: Kind) -> None:
        self._store, self._clock, self._kind = store, clock, kind
        self._covered = self._seen = 0
        self._since = clock()

    def count(self) -> int:
        """Reviews and withdrawals there are. Raises `TransientError`."""
        reviews = sum(1 for _ in self._store.list_manifests("datasets", names.reviewed(self._kind)))
        return reviews + sum(1 for _ in self._store.list_manifests("quarantine", names.withdrawn()))

    def cover(self, count: int) -> None:
        """A freeze has seen the first ``count``."""
        self._covered = self._seen = count

    def settled(self, settle_s: float) -> bool:
        """Some are not covered, and none has come for ``settle_s``. Raises `TransientError`."""
        found = self.count()
        if found != self._seen:
            self._seen, self._since = found, self._clock()
        return found != self._covered and self._clock() - self._since >= settle_s
