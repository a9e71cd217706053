"""A small handler and readers of its facts, for tests of the consume loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from journalclip_shared.bus import Bus
from journalclip_shared.consume import LoopSettings
from journalclip_shared.events import ArticleSubmitted, Event, Fact, FiguresExtracted, decode

QUICK = LoopSettings(backoff_s=0.0, heartbeat_s=0.05, poll_s=0.01, commit_s=0.0)


def _nothing(_: ArticleSubmitted) -> None: ...


class Doubling:
    """Says one fact for each submission, and remembers what it saw."""

    group = "extraction"
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted,)

    def __init__(self, act: Callable[[ArticleSubmitted], None] = _nothing) -> None:
        self.seen: list[str] = []
        self._act = act
        self._lock = threading.Lock()

    def handle(self, event: Event) -> Iterable[Fact]:
        assert isinstance(event.fact, ArticleSubmitted)
        with self._lock:
            self.seen.append(event.fact.name)
        self._act(event.fact)
        yield FiguresExtracted(article_id=event.fact.article_id, document=event.fact.pdf, figures=1, panels=0)


def said(bus: Bus, fact: type[Fact] = FiguresExtracted) -> list[Fact]:
    return [decode(each.headers, each.body).fact for each in bus.read(fact.topic)]


def ids(bus: Bus) -> set[str]:
    return {fact.article_id for fact in said(bus) if isinstance(fact, FiguresExtracted)}
