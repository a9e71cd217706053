"""How many words of people there are, and whether some came that no freeze has covered.

A word is a manifest (a review, a withdrawal) and none is ever deleted, so their number says whether there are new ones,
also after a restart and where an event was missed.
"""

from __future__ import annotations

from collections.abc import Callable

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.kinds import Kind

_COUNT_S, _A_SETTLING = 60.0, 10  # words are counted this often, and this often while they settle


class Decisions:
    """Counts the words about one kind in one store."""

    def __init__(self, store: ArtifactStore, clock: Callable[[], float], kind: Kind) -> None:
        self._store, self._clock, self._kind = store, clock, kind
        self._covered = self._seen = 0
        self._since = self._counted = clock()

    def count(self) -> int:
        """Reviews and withdrawals there are. Raises `TransientError`."""
        reviews = sum(1 for _ in self._store.list_manifests("datasets", names.reviewed(self._kind)))
        return reviews + sum(1 for _ in self._store.list_manifests("quarantine", names.withdrawn()))

    def cover(self, count: int) -> None:
        """A freeze has seen the first ``count``."""
        self._covered = self._seen = count

    def settled(self, settle_s: float) -> bool:
        """Some are not covered, and none has come for ``settle_s``. Raises `TransientError`."""
        # A listing costs a request for each thousand words, so it is not made at every look.
        if self._clock() - self._counted >= min(_COUNT_S, settle_s / _A_SETTLING):
            found, self._counted = self.count(), self._clock()
            if found != self._seen:
                self._seen, self._since = found, self._clock()
        return self._seen != self._covered and self._clock() - self._since >= settle_s
