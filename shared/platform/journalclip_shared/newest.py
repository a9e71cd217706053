"""Which of two structured documents of one source is the newer: as the catalogue has it, by rank and then by address.

An old document that is announced again, or late, is no newer than the one that stands. The catalogue is asked first,
where there is one; what it does not know yet is read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from sqlalchemy import Engine

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.ranks import rank_of

_log = logging.getLogger(__name__)


class Ranks:
    """Ranks of structured documents, each asked for once. For one thread at a time."""

    def __init__(self, store: ArtifactStore, engine: Engine | None = None) -> None:
        self._store, self._engine = store, engine
        self._known: dict[str, int | None] = {}

    def learn(self, refs: Iterable[ArtifactRef]) -> None:
        """Ask the catalogue for many at once; what it cannot say is read when it is needed."""
        wanted = [ref.uri for ref in refs if ref.uri not in self._known]
        if self._engine is None or not wanted:
            return
        try:
            self._known |= Catalogue(self._engine).ranks(wanted)
        except (ConfigurationError, TransientError) as error:
            _log.warning("the catalogue cannot be asked for ranks: %s", error)

    def newer(self, ref: ArtifactRef, standing: ArtifactRef) -> bool:
        """Whether ``ref`` takes the place of ``standing``; of one that cannot be read, whichever was said last.

        Raises `TransientError`.
        """
        self.learn((ref, standing))
        mine, other = self._rank(ref), self._rank(standing)
        return mine is None or other is None or (mine, ref.uri) > (other, standing.uri)

    def _rank(self, ref: ArtifactRef) -> int | None:
        if ref.uri not in self._known:
            try:
                self._known[ref.uri] = rank_of(str(json.loads(self._store.get(ref))["structurer"]))
            except (PermanentError, ValueError, KeyError):
                self._known[ref.uri] = None
        return self._known[ref.uri]


def newest_of(said: Iterable[tuple[str, ArtifactRef]], ranks: Ranks) -> dict[str, ArtifactRef]:
    """By source, its newest document. Raises `TransientError`."""
    every = list(said)
    first, rivals = dict[str, ArtifactRef](), list[ArtifactRef]()
    for source, ref in every:
        if first.setdefault(source, ref) != ref:
            rivals += [first[source], ref]
    ranks.learn(rivals)
    newest = dict[str, ArtifactRef]()
    for source, ref in every:
        held = newest.setdefault(source, ref)
        if held != ref and ranks.newer(ref, held):
            newest[source] = ref
    return newest
