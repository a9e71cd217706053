"""Freezing by rule: when enough new pairs have come, or enough time has passed with any, a dataset version is frozen.

Every freeze holds all pairs structured so far, the newest document of each source. What a freeze covered is written
beside it under a running number (`names.freezes`), so that after a restart the rule counts from there and not from
nothing; two freezers that race for a number are told apart by that manifest, and one of them looks again. What people
decided (reviews, withdrawals) makes a freeze due as well, ``settle_s`` after the last word: an hour of reviewing is one
dataset and not a hundred.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from journalclip_freezing.decisions import Decisions
from journalclip_freezing.job import freeze
from journalclip_freezing.layout import Layout, Structured
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.errors import TransientError
from journalclip_shared.events import DatasetFrozen, Event, Fact
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import canonical_json


@dataclass(frozen=True)
class FreezeRule:
    """Freeze at ``new_pairs`` more pairs, or ``every_s`` after the first new one; 0 means never by that half.

    ``settle_s``: a freeze is due so long after the last decision of a person.
    """

    new_pairs: int = 1000
    every_s: float = 0.0
    settle_s: float = 600.0


class Freezer:
    """Counts pairs and freezes by rule. Both entry points, events and the clock, may come from different threads.

    ``history`` is every structured source of the kind in the log, oldest first: what was committed before a restart is
    known again.
    """

    def __init__(
        self,
        store: ArtifactStore,
        rule: FreezeRule,
        history: Callable[[], Iterable[Structured]],
        layout: Layout,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._rule, self.layout, self._clock = store, rule, layout, clock
        self._history = history
        self._lock = threading.Lock()
        self._decisions = Decisions(store, clock)
        self._since = clock()
        self._again: list[DatasetFrozen] = []
        self._recall()

    def add(self, fact: Structured) -> list[DatasetFrozen]:
        """Count one source's pairs; datasets to announce, as the rule says. Raises `TransientError`."""
        with self._lock:
            if self._documents.get(fact.key) != fact.document:
                self._since = self._since if self._pending else self._clock()
                self._documents[fact.key] = fact.document
                self._pending[fact.key] = fact.pairs
            return self._announced(self._due())

    def tick(self) -> list[DatasetFrozen]:
        """The clock's half of the rule. Raises `TransientError`."""
        with self._lock:
            return self._announced(self._due())

    def flush(self) -> list[DatasetFrozen]:
        """Freeze what is there, whatever the rule says. Raises `TransientError`."""
        with self._lock:
            return self._announced(bool(self._pending) or self._decisions.settled(0.0))

    def _due(self) -> bool:
        enough = 0 < self._rule.new_pairs <= sum(self._pending.values())
        late = 0 < self._rule.every_s <= self._clock() - self._since
        return (bool(self._pending) and (enough or late)) or self._decisions.settled(self._rule.settle_s)

    def _announced(self, due: bool) -> list[DatasetFrozen]:
        # The last freeze of before a restart may have died between its manifest and its event: it is said again.
        facts, self._again = self._again, []
        fact = self._freeze() if due else None
        return [*facts, fact] if fact is not None else facts

    def _freeze(self) -> DatasetFrozen | None:
        documents = dict(sorted(self._documents.items()))
        decided = self._decisions.count()  # before: a word that comes meanwhile makes the next freeze due
        fact = freeze(self._store, documents.values(), self.layout)
        if fact is not None:
            hit("freezing.frozen")
            covered = {key: ref.model_dump(mode="json") for key, ref in documents.items()}
            said = fact.model_dump(mode="json")
            note = canonical_json({"fact": said, "documents": covered, "decisions": decided})
            try:
                self._store.put_manifest("datasets", names.freezes(self.layout.kind, self._number), note)
            except ManifestConflict as error:
                self._recall()
                raise TransientError("another freezer took this number first") from error
            self._number += 1
            hit("freezing.numbered")
        self._pending.clear()
        self._decisions.cover(decided)
        return fact

    def _recall(self) -> None:
        found_names = list(self._store.list_manifests("datasets", names.freezes(self.layout.kind)))
        self._number = len(found_names)
        found = self._store.find_manifest("datasets", found_names[-1]) if found_names else None
        note = json.loads(self._store.get(found)) if found is not None else {"documents": {}}
        covered = {key: ArtifactRef.model_validate(ref) for key, ref in note["documents"].items()}
        self._again = [_fact_of(note["fact"])] if "fact" in note else []
        # Before the first freeze nothing is frozen that a decision could change.
        self._decisions.cover(int(note.get("decisions", 0)) if "fact" in note else self._decisions.count())
        self._documents: dict[str, ArtifactRef] = dict(covered)
        self._pending: dict[str, int] = {}
        for fact in self._history():
            self._documents[fact.key] = fact.document
            self._pending[fact.key] = fact.pairs
        for article, ref in covered.items():
            if self._documents[article] == ref:
                self._pending.pop(article, None)


class FreezingHandler:
    """Structured sources of one kind in, `DatasetFrozen` out, now and then."""

    def __init__(self, freezer: Freezer) -> None:
        self._freezer = freezer
        self.group = names.group("freezing", freezer.layout.kind)
        self.consumes: tuple[type[Fact], ...] = (freezer.layout.consumes,)

    def handle(self, event: Event) -> Iterable[Fact]:
        if not isinstance(event.fact, self._freezer.layout.consumes):
            raise TypeError(f"{type(event.fact).__name__} is not for {self.group}")
        return self._freezer.add(event.fact)

    def tick(self) -> list[DatasetFrozen]:
        """The clock's half of the rule. Raises `TransientError`."""
        return self._freezer.tick()


def _fact_of(stored: object) -> DatasetFrozen:
    """As stored JSON, so that notes of an older version are read as such."""
    return DatasetFrozen.model_validate_json(json.dumps(stored))
