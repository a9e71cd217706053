"""Reading whole topics and telling facts apart, for audit and repair: the log as a history, outside any group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, decode

FactT = TypeVar("FactT", bound=Fact)


def events_of(bus: Bus, kind: type[FactT]) -> Iterator[Event]:
    """Every decodable event of one topic in the log's order; what is not decodable is in the dead letters."""
    for delivery in bus.read(kind.topic):
        try:
            yield decode(delivery.headers, delivery.body)
        except PermanentError:
            continue


def facts_of(bus: Bus, kind: type[FactT]) -> Iterator[FactT]:
    """The facts alone."""
    for event in events_of(bus, kind):
        if isinstance(event.fact, kind):
            yield event.fact
