"""Where every article stands: a fold over the event log, one final state each.

States: ``submitted`` and ``extracted`` are on the way; ``structured`` and ``quarantined`` are final. The last event
about an article decides, so one that was quarantined and then replayed with success counts as structured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from journalclip_shared.bus import Delivery
from journalclip_shared.events import (
    ArticleSubmitted,
    Fact,
    FiguresExtracted,
    PairsStructured,
    SourceQuarantined,
    decode,
)

State = Literal["submitted", "extracted", "structured", "quarantined"]
ReadTopic = Callable[[str], Iterable[Delivery]]


@dataclass(frozen=True)
class SourceStatus:
    """One source's state; code, reason and remedy where it is quarantined."""

    source_id: str
    name: str
    state: State
    figures: int = 0
    pairs: int = 0
    stage: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


def article_states(read: ReadTopic) -> list[SourceStatus]:
    """All articles, in order of submission."""
    states: dict[str, SourceStatus] = {}
    for fact in _facts(read, ArticleSubmitted, FiguresExtracted, PairsStructured, SourceQuarantined):
        match fact:
            case ArticleSubmitted():
                states.setdefault(fact.article_id, SourceStatus(fact.article_id, fact.name, "submitted"))
            case FiguresExtracted() if fact.article_id in states:
                states[fact.article_id] = replace(states[fact.article_id], state="extracted", figures=fact.figures)
            case PairsStructured() if fact.article_id in states:
                states[fact.article_id] = replace(states[fact.article_id], state="structured", pairs=fact.pairs)
            case SourceQuarantined() if fact.source_id in states:
                states[fact.source_id] = _quarantined(states[fact.source_id], fact)
            case _:
                pass  # a dataset or model in quarantine is no article
    return list(states.values())


def quarantined(read: ReadTopic) -> list[SourceStatus]:
    """Everything in quarantine: articles first, then datasets and models."""
    articles = [state for state in article_states(read) if state.state == "quarantined"]
    known = {state.source_id for state in article_states(read)}
    others = {
        fact.source_id: _quarantined(SourceStatus(fact.source_id, fact.name, "quarantined"), fact)
        for fact in _facts(read, SourceQuarantined)
        if isinstance(fact, SourceQuarantined) and fact.source_id not in known
    }
    return articles + list(others.values())


def counts(states: Iterable[SourceStatus]) -> dict[str, int]:
    return dict(Counter(state.state for state in states))


def _quarantined(state: SourceStatus, fact: SourceQuarantined) -> SourceStatus:
    return replace(state, state="quarantined", stage=fact.stage, code=fact.code, reason=fact.reason, remedy=fact.remedy)


def _facts(read: ReadTopic, *kinds: type[Fact]) -> list[Fact]:
    # One topic is ordered; across topics the log's own sequence is (local mode), and a cluster's reader merges by time.
    deliveries = [delivery for kind in kinds for delivery in read(kind.topic)]
    return [decode(d.headers, d.body).fact for d in sorted(deliveries, key=lambda delivery: delivery.offset)]
