"""Reading whole topics and telling facts apart, for audit and repair: the log as a history, outside any group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from journalclip_shared.bus import Bus, Delivery
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, decode

FactT = TypeVar("FactT", bound=Fact)


class ReadableBus(Bus, Protocol):
    """A bus whose topics can be read from their beginning; all of ours are."""

    def read(self, topic: str) -> Iterator[Delivery]: ...


def events_of(bus: ReadableBus, kind: type[FactT]) -> Iterator[Event]:
    """Every decodable event of one topic in the log's order; what is not decodable is in the dead letters."""
    for delivery in bus.read(kind.topic):
        try:
            yield decode(delivery.headers, delivery.body)
        except PermanentError:
            continue


def facts_of(bus: ReadableBus, kind: type[FactT]) -> Iterator[FactT]:
    """The facts alone."""
    for event in events_of(bus, kind):
        if isinstance(event.fact, kind):
            yield event.fact
