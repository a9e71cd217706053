"""Where every delivery stands: a fold over the event log, one final state each.

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
    SUBMITTED,
    ArticleSubmitted,
    DeliverySubmitted,
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
    articles: int = 0
    figures: int = 0
    pairs: int = 0
    stage: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


def article_states(read: ReadTopic) -> list[SourceStatus]:
    """All deliveries, in order of submission, with what became of their articles."""
    states: dict[str, SourceStatus] = {}
    figures: dict[str, dict[str, int]] = {}  # of each delivery, by article
    pairs: dict[str, int] = {}  # of each article
    for fact in _facts(read, *SUBMITTED, FiguresExtracted, PairsStructured, SourceQuarantined):
        match fact:
            case ArticleSubmitted() | DeliverySubmitted():
                states.setdefault(fact.key, SourceStatus(fact.key, fact.name, "submitted"))
            case FiguresExtracted() if fact.source in states:
                figures.setdefault(fact.source, {})[fact.article_id] = fact.figures
                _settle(states, fact.source, figures, pairs)
            case PairsStructured():
                pairs[fact.article_id] = fact.pairs
                for source in [each for each, articles in figures.items() if fact.article_id in articles]:
                    _settle(states, source, figures, pairs)
            case SourceQuarantined():
                for source in [fact.source_id, *(each for each, found in figures.items() if fact.source_id in found)]:
                    if source in states:
                        states[source] = _quarantined(states[source], fact)
            case _:
                pass  # a dataset or model in quarantine is no article
    return list(states.values())


def _settle(
    states: dict[str, SourceStatus], source: str, figures: dict[str, dict[str, int]], pairs: dict[str, int]
) -> None:
    """A delivery is structured when all its articles are."""
    articles = figures[source]
    done = [pairs[article] for article in articles if article in pairs]
    states[source] = replace(
        states[source],
        state="structured" if len(done) == len(articles) else "extracted",
        figures=sum(articles.values()),
        pairs=sum(done),
        articles=len(articles),
    )


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
