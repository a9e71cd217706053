"""What readers may not see: withdrawn sources, and pairs that reviewers rejected or dispute.

Both are people's words, stored as manifests. `Withholding` looks at them again when its knowledge is older than a
moment, so that a word reaches search, pictures and pages of every replica within seconds and without a message. It
hides rows of a collection; the index itself does not change. Reviewers go on seeing what was rejected, or nobody could
decide a dispute; nobody sees what was withdrawn.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from journalclip_inference.errors import PairRejected
from journalclip_inference.index.collection import Collection
from journalclip_inference.index.rows import Row, RowTable
from journalclip_inference.reader import Reader
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.ids import Json
from journalclip_shared.lineage import subjects_of
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.records.withdrawal import Scope, Withdrawal
from journalclip_shared.reviews import verdicts_of
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawals, Withdrawn, collection_key

_log = logging.getLogger(__name__)
_FRESH_S = 1.0  # seconds; a reader that asks pays for one listing in this time
_READERS = 4  # collections whose hidden rows are kept: as many as a replica holds open
_REVIEWED = "reviewed/"


@dataclass(frozen=True)
class Withheld:
    """The words that hold now. ``version`` changes with them."""

    taken: Withdrawn = field(default_factory=Withdrawn)
    decisions: tuple[ReviewDecision, ...] = ()
    version: int = 0

    def withdrawn(self, collection: Collection) -> dict[int, PermanentError]:
        """Why a row is hidden from everybody, by position."""
        found: dict[int, PermanentError] = {}
        if self.taken:
            for start, part in collection.placed:
                for local in self._suspects(part.table):
                    word = self._word(part.table[local])
                    if word is not None:
                        found[start + local] = SourceWithdrawn(word, part.table[local].pair.pair_id)
        return found

    def rejected(self, collection: Collection) -> dict[int, PermanentError]:
        """Why a row is hidden from readers, by position."""
        articles = {decision.article_id for decision in self.decisions}
        rows: dict[int, Row] = {}
        if articles:
            for start, part in collection.placed:
                for local, article in enumerate(part.table.column("article_id")):
                    if article in articles:
                        rows[start + local] = part.table[local]
        found = verdicts_of([row.pair for row in rows.values()], self.decisions)
        verdicts = {position: found.get(row.pair.pair_id) for position, row in rows.items()}
        return {
            position: PairRejected(rows[position].pair.pair_id)
            for position, verdict in verdicts.items()
            if verdict is not None and verdict.standing != "keep"
        }

    def refuse(self, steps: Mapping[str, Json]) -> None:
        """Raises `SourceWithdrawn` where a walk of `Lineage` leads over something that is withdrawn."""
        for scope, subject in subjects_of(steps):
            if (word := self.taken.by(scope, subject)) is not None:
                raise SourceWithdrawn(word)

    def _word(self, row: Row) -> Withdrawal | None:
        figure = row.figure_image
        found = self.taken.of_pair(row.pair, row.journal)
        return found or (self.taken.persons.get(figure.sha256) if figure else None)

    def _suspects(self, table: RowTable) -> set[int]:
        """Rows that a withdrawal may be about; all others need not be parsed."""
        taken = self.taken
        names: dict[Scope, set[str]] = defaultdict(set)
        for scope, subject in taken.standing:
            names[scope].add(subject)
        articles = names["article"] | taken.pictured
        wanted = (("article_id", articles), ("figure_id", names["figure"]), ("pair_id", names["pair"]))
        found = {n for name, known in wanted if known for n, each in enumerate(table.column(name)) if each in known}
        if names["collection"]:
            folded = {each: collection_key(each) for each in set(table.column("journal")) if each}
            found |= {
                n for n, each in enumerate(table.column("journal")) if each and folded[each] in names["collection"]
            }
        for digest in taken.persons:
            found.update(table.mentioning(digest))
        return found


class Withholding:
    """The words of one store, for any number of threads."""

    def __init__(
        self, store: ArtifactStore, fresh_s: float = _FRESH_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._fresh_s, self._clock = store, fresh_s, clock
        self._withdrawals = Withdrawals(store, 0.0)
        self._reviews: dict[str, ReviewDecision] = {}
        self._lock = threading.Lock()
        self._state = Withheld()
        self._looked: float | None = None
        self._readers: dict[int, tuple[Reader, Reader]] = {}

    def current(self) -> Withheld:
        """Raises `TransientError` where the store was never reached; later what is known goes on holding."""
        with self._lock:
            if self._looked is None or self._clock() - self._looked >= self._fresh_s:
                self._look()
            return self._state

    def apply(self, reader: Reader) -> Reader:
        """The reader without what is withheld now."""
        withheld = self.current()
        if not withheld.version:
            return reader
        kept = self._readers.get(id(reader))
        if kept is not None and kept[0] is reader and kept[1].withheld == withheld.version:
            return kept[1]
        withdrawn = withheld.withdrawn(reader.collection)
        for_reviewers = reader.collection.hiding(withdrawn)
        shown = reader.collection.hiding(withheld.rejected(reader.collection) | withdrawn)
        made = reader.with_hidden(shown, for_reviewers, withheld.version)
        with self._lock:
            self._readers[id(reader)] = (reader, made)
            for old in list(self._readers)[:-_READERS]:
                del self._readers[old]
        return made

    def _look(self) -> None:
        try:
            taken = self._withdrawals.current()
            names = [each for each in self._store.list_manifests("datasets", _REVIEWED) if each not in self._reviews]
            refs = ((name, self._store.find_manifest("datasets", name)) for name in names)
            new = {name: ReviewDecision.model_validate_json(self._store.get(ref)) for name, ref in refs if ref}
        except TransientError as error:
            if self._looked is None:
                raise
            _log.warning("withdrawals and reviews cannot be read; what is known goes on holding: %s", error)
            return
        self._looked = self._clock()
        self._reviews |= new
        if new or taken is not self._state.taken:
            decisions = sorted(self._reviews.values(), key=lambda each: (each.time, each.decision_id))
            self._state = Withheld(taken, tuple(decisions), self._state.version + 1)
