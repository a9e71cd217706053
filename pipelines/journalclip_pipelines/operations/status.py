"""Where every source stands: a fold over the event log, one final state each, the same for every kind.

States: ``submitted`` and ``extracted`` are on the way; ``structured`` and ``quarantined`` are final. The last event
about a source decides, so one that was quarantined and then replayed with success counts as structured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from journalclip_pipelines.kinds import SourceKind, every_kind, source_kind
from journalclip_shared.bus import Delivery
from journalclip_shared.events import Fact, SourceQuarantined, decode
from journalclip_shared.kinds import Kind

State = Literal["submitted", "extracted", "structured", "quarantined"]
ReadTopic = Callable[[str], Iterable[Delivery]]


@dataclass(frozen=True)
class SourceStatus:
    """One source's state; code, reason and remedy where it is quarantined. ``kind`` None: a dataset or a training."""

    source_id: str
    name: str
    state: State
    kind: Kind | None
    extracted: int = 0  # figures, or volumes
    pairs: int = 0
    stage: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str | int | None]:
        unit = source_kind(self.kind).unit if self.kind else "figures"
        return {
            "source_id": self.source_id, "name": self.name, "state": self.state, "kind": self.kind,
            unit: self.extracted, "pairs": self.pairs, "stage": self.stage, "code": self.code,
            "reason": self.reason, "remedy": self.remedy,
        }  # fmt: skip


def source_states(read: ReadTopic, of: SourceKind) -> list[SourceStatus]:
    """All sources of one kind, in order of submission; one that was refused before it was stored stands with them."""
    states: dict[str, SourceStatus] = {}
    for fact in _facts(read, of.submitted, of.extracted, of.structured, SourceQuarantined):
        source = fact.key
        if isinstance(fact, of.submitted):
            states.setdefault(source, SourceStatus(source, of.name_of(fact), "submitted", of.kind))
        elif isinstance(fact, SourceQuarantined) and (source in states or source.startswith(of.id_prefix)):
            known = states.get(source) or SourceStatus(source, fact.name, "quarantined", of.kind)
            states[source] = _quarantined(known, fact)
        elif source not in states:
            continue  # a dataset or a training in quarantine is no source
        elif isinstance(fact, of.extracted):
            states[source] = replace(states[source], state="extracted", extracted=of.extracted_count(fact))
        elif isinstance(fact, of.structured):
            states[source] = replace(states[source], state="structured", pairs=of.pairs_count(fact))
    return list(states.values())


def all_states(read: ReadTopic) -> list[SourceStatus]:
    """Sources of every kind, kind by kind."""
    return [state for of in every_kind() for state in source_states(read, of)]


def quarantined(read: ReadTopic) -> list[SourceStatus]:
    """Everything in quarantine: sources first, then datasets, trainings and models."""
    states = all_states(read)
    known = {state.source_id for state in states}
    others = {
        fact.source_id: _quarantined(SourceStatus(fact.source_id, fact.name, "quarantined", None), fact)
        for fact in _facts(read, SourceQuarantined)
        if isinstance(fact, SourceQuarantined) and fact.source_id not in known
    }
    return [state for state in states if state.state == "quarantined"] + list(others.values())


def counts(states: Iterable[SourceStatus]) -> dict[str, int]:
    return dict(Counter(state.state for state in states))


def _quarantined(state: SourceStatus, fact: SourceQuarantined) -> SourceStatus:
    return replace(state, state="quarantined", stage=fact.stage, code=fact.code, reason=fact.reason, remedy=fact.remedy)


def _facts(read: ReadTopic, *kinds: type[Fact]) -> list[Fact]:
    # One topic is ordered; across topics the log's own sequence is (local mode), and a cluster's reader merges by time.
    deliveries = [delivery for kind in kinds for delivery in read(kind.topic)]
    return [decode(d.headers, d.body).fact for d in sorted(deliveries, key=lambda delivery: delivery.offset)]
