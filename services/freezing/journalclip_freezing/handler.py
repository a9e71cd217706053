"""Freezing by rule: when enough new pairs have come, or the oldest of them has waited long enough, a dataset version is
frozen.

The handler of events only counts. The freeze itself is a job beside it (`Freezer.tick`), so that its errors are its own
and never those of the source that made it due. Every freeze holds all pairs structured so far, the newest document of
each source by rank: an old one that is announced again changes nothing. What a freeze covered is written beside it
under a running number (`names.freezes`), so that after a restart the rule counts from there and not from nothing; two
freezers that race for a number are told apart by that manifest, and one of them looks again. What is to be announced is
kept until the log has acknowledged it. What people decided (reviews, withdrawals) makes a freeze due as well,
``settle_s`` after the last word: an hour of reviewing is one dataset and not a hundred.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import Counter

from journalclip_freezing.decisions import Decisions
from journalclip_freezing.job import freeze
from journalclip_freezing.layout import Layout, Structured
from journalclip_freezing.lost import Lost
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import DatasetFrozen, Event, Fact, SourceQuarantined
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import Json, canonical_json
from journalclip_shared.newest import Ranks

_AGAIN_S = 60.0  # after a freeze that could not be made; a plan reads every document


@dataclass(frozen=True)
class FreezeRule:
    """Freeze at ``new_pairs`` more pairs, or once the oldest new one is ``every_s`` old; 0 means never by that half.

    ``settle_s``: a freeze is due so long after the last decision of a person.
    """

    new_pairs: int = 1000
    every_s: float = 0.0
    settle_s: float = 600.0


@dataclass(frozen=True)
class _New:
    """A source that no freeze has covered: its pairs, and when the first fact of them was said."""

    pairs: int
    since: datetime


def now() -> datetime:
    return datetime.now(UTC)


class Freezer:
    """Counts pairs and freezes by rule. Events and the clock may come from different threads.

    ``history`` is every event of a structured source of the kind in the log, oldest first: what was committed before a
    restart is known again.
    """

    def __init__(
        self,
        store: ArtifactStore,
        rule: FreezeRule,
        history: Callable[[], Iterable[Event]],
        layout: Layout,
        clock: Callable[[], datetime] = now,
        ranks: Ranks | None = None,
    ) -> None:
        self._store, self._rule, self.layout, self._clock = store, rule, layout, clock
        self._ranks = ranks or Ranks(store)
        self._history = history
        self._lock, self._job = threading.Lock(), threading.Lock()
        self._unsaid: list[Fact] = []
        self._former: ArtifactRef | None = None  # the manifest of the last freeze
        self._lost = Lost()
        self._quarantined: set[tuple[str, str]] = set()
        self._decisions = Decisions(store, lambda: clock().timestamp(), layout.kind)
        self.group = names.group("freezing", layout.kind)
        self._recall()

    def add(self, fact: Structured, said: datetime) -> None:
        """Count one source's pairs."""
        with self._lock:
            self._count(fact, said)

    def tick(self) -> list[Fact]:
        """Freeze if the rule says so; everything to be announced that `acknowledge` was not told of.

        Raises `TransientError`, and `PermanentError` where the dataset itself cannot be made.
        """
        return self._act(self._due)

    def flush(self) -> list[Fact]:
        """As `tick`, whatever the rule says."""
        return self._act(lambda: bool(self._pending) or self._decisions.settled(0.0))

    def acknowledge(self, facts: Sequence[Fact]) -> None:
        """The log has these facts."""
        with self._lock:
            self._unsaid = [fact for fact in self._unsaid if fact not in facts]

    def _act(self, due: Callable[[], bool]) -> list[Fact]:
        with self._job:
            if due():
                self._freeze()
            with self._lock:
                return list(self._unsaid)

    def _count(self, fact: Structured, said: datetime) -> None:
        standing = self._documents.get(fact.key)
        if standing == fact.document or (standing is not None and not self._ranks.newer(fact.document, standing)):
            return
        self._documents[fact.key] = fact.document
        held = self._pending.get(fact.key)
        self._pending[fact.key] = _New(fact.pairs, min(held.since, said) if held else said)

    def _due(self) -> bool:
        with self._lock:
            pending = list(self._pending.values())
        enough = 0 < self._rule.new_pairs <= sum(each.pairs for each in pending)
        oldest = min((each.since for each in pending), default=None)
        late = oldest is not None and 0 < self._rule.every_s <= (self._clock() - oldest).total_seconds()
        return (bool(pending) and enough) or late or self._decisions.settled(self._rule.settle_s)

    def _freeze(self) -> None:
        with self._lock:
            documents, covered = dict(sorted(self._documents.items())), dict(self._pending)
        decided = self._decisions.count()  # before: a word that comes meanwhile makes the next freeze due
        frozen = freeze(self._store, documents.values(), self.layout, lost=self._lost, former=self._former)
        quarantined = self._newly_quarantined(documents)
        if frozen is not None:
            hit("freezing.frozen")
            self._note(frozen, documents, quarantined, decided)
            self._former = frozen.manifest
        self._decisions.cover(decided)
        with self._lock:
            self._unsaid += [*([frozen] if frozen is not None else []), *quarantined]
            for key, each in covered.items():  # what came meanwhile stays new
                if self._pending.get(key) is each:
                    del self._pending[key]

    def _note(
        self,
        frozen: DatasetFrozen,
        documents: dict[str, ArtifactRef],
        quarantined: list[SourceQuarantined],
        decided: int,
    ) -> None:
        note: dict[str, Json] = {
            "fact": frozen.model_dump(mode="json"),
            "documents": {key: ref.model_dump(mode="json") for key, ref in documents.items()},
            "decisions": decided,
            "quarantined": [fact.model_dump(mode="json") for fact in quarantined],
        }
        try:
            self._store.put_manifest("datasets", names.freezes(self.layout.kind, self._number), canonical_json(note))
        except ManifestConflict as error:
            with self._lock:
                self._recall()
            raise TransientError("another freezer took this number first") from error
        self._number += 1
        hit("freezing.numbered")

    def _newly_quarantined(self, documents: dict[str, ArtifactRef]) -> list[SourceQuarantined]:
        every = self._lost.quarantines(self.group, {ref.uri: key for key, ref in documents.items()})
        fresh = [fact for fact in every if (fact.source_id, fact.code) not in self._quarantined]
        self._quarantined = {(fact.source_id, fact.code) for fact in every}
        return fresh

    def _recall(self) -> None:
        found_names = list(self._store.list_manifests("datasets", names.freezes(self.layout.kind)))
        self._number = len(found_names)
        found = self._store.find_manifest("datasets", found_names[-1]) if found_names else None
        note = json.loads(self._store.get(found)) if found is not None else {"documents": {}}
        # The last freeze of before a restart may have died between its manifest and its events: they are said again.
        self._former = None
        if "fact" in note:
            self._former = _frozen_of(note["fact"]).manifest
            self._unsaid = [_frozen_of(note["fact"]), *map(_quarantined_of, note.get("quarantined", ()))]
        covered = {key: ArtifactRef.model_validate(ref) for key, ref in note["documents"].items()}
        # Before the first freeze nothing is frozen that a decision could change.
        self._decisions.cover(int(note.get("decisions", 0)) if "fact" in note else self._decisions.count())
        self._documents: dict[str, ArtifactRef] = dict(covered)
        self._pending: dict[str, _New] = {}
        said = [(each.fact, each.time) for each in self._history() if isinstance(each.fact, self.layout.consumes)]
        first = dict(covered)
        self._ranks.learn(
            ref
            for fact, _ in said
            if first.setdefault(fact.key, fact.document) != fact.document
            for ref in (first[fact.key], fact.document)
        )
        for fact, at in said:
            self._count(fact, at)
        for key, ref in covered.items():
            if self._documents[key] == ref:
                self._pending.pop(key, None)


class FreezingHandler:
    """Counts structured sources of one kind; `freeze_due` announces datasets, now and then."""

    def __init__(self, freezer: Freezer) -> None:
        self._freezer = freezer
        self.group = freezer.group
        self.consumes: tuple[type[Fact], ...] = (freezer.layout.consumes,)
        self._failures = Counter(
            "journalclip_freeze_failures", "Freezes that could not be made.", ["kind", "code"], registry=None
        )
        self.metrics = (self._failures,)
        self._not_before = 0.0
        self._trace: str | None = None

    def handle(self, event: Event) -> Iterable[Fact]:
        if not isinstance(event.fact, self._freezer.layout.consumes):
            raise TypeError(f"{type(event.fact).__name__} is not for {self.group}")
        self._freezer.add(event.fact, event.time)
        self._trace = event.traceparent
        return ()

    def freeze_due(self, publish: Callable[[Sequence[Event]], None]) -> None:
        """Freeze by the rule and announce; what ``publish`` raises keeps the announcement for the next time.

        Raises `TransientError`, and `PermanentError` where the dataset itself cannot be made.
        """
        if time.monotonic() < self._not_before:
            return
        try:
            facts = self._freezer.tick()
        except PermanentError as error:
            self._not_before = time.monotonic() + _AGAIN_S
            self._failures.labels(self._freezer.layout.kind, error.code).inc()
            raise
        if facts:
            # A dataset goes on in the trace of the source that came last.
            publish([Event(fact, self.group, traceparent=self._trace) for fact in facts])
            self._freezer.acknowledge(facts)


def _frozen_of(stored: object) -> DatasetFrozen:
    """As stored JSON, so that notes of an older version are read as such."""
    return DatasetFrozen.model_validate_json(json.dumps(stored))


def _quarantined_of(stored: object) -> SourceQuarantined:
    return SourceQuarantined.model_validate_json(json.dumps(stored))
