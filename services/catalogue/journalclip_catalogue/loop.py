"""The projection's loop: poll, project, commit. The group's offsets are a hint; places in the database count.

A topic of which the database has no place is read whole, outside the group: the group may be ahead of a database that
is new, or was lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from journalclip_catalogue.handler import Projector, batches
from journalclip_shared.bus import Bus, Consumer, Delivery
from journalclip_shared.errors import TransientError
from journalclip_shared.repeat import begun_again

_log = logging.getLogger(__name__)
_POLL_S = 0.5
_PAUSE_MAX_S = 30.0


def catch_up(bus: Bus, projector: Projector, batch: int = 200) -> int:
    """Project what came since the database's own places, outside any group; returns how many events were new.

    Another projector may be at work: it then projects what this one does not. Raises `TransientError`.
    """
    count, places = 0, projector.known_places()
    for topic in projector.topics:
        begin = {partition: following for (name, partition), following in places.items() if name == topic}
        for part in batches(bus.read(topic, begin), batch):
            count += projector.project(part)
    projector.settle()
    return count


class ProjectionLoop:
    """One projector on one bus."""

    def __init__(
        self,
        bus: Bus,
        projector: Projector,
        batch: int = 200,
        beat: Callable[[], None] = lambda: None,
        lag: Callable[[int], None] = lambda _: None,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus, self._projector, self._batch = bus, projector, batch
        self._beat, self._lag, self._heard = beat, lag, heard

    def drain(self) -> int:
        """Project what is in the log now; returns how many events were new. Raises `TransientError`."""
        return self._consume(threading.Event(), forever=False)

    def run(self, stop: threading.Event) -> int:
        """Project until ``stop`` is set; waits for what is away. Raises `ConfigurationError`."""

        def waits(error: TransientError, seconds: float) -> None:
            _log.warning("waiting %.0f s: %s", seconds, error, extra={"dependency": error.dependency})
            self._beat()

        return begun_again(lambda: self._consume(stop, forever=True), stop, waits, _PAUSE_MAX_S)

    def _consume(self, stop: threading.Event, forever: bool) -> int:
        consumer, count = self._bus.consumer(self._projector.topics, self._projector.group), 0
        try:
            count += self._catch_up()
            settled = False
            while not stop.is_set():
                polled = consumer.poll(_POLL_S if forever else 0.0, self._batch)
                self._beat()
                if polled:
                    self._heard()
                    count += self._projector.project(polled)
                    consumer.commit(_last(polled))
                    settled = False
                if not settled and len(polled) < self._batch:
                    self._projector.settle(self._beat)
                    settled = True
                if polled:
                    continue
                if not forever and not consumer.lag():
                    break
                self._measure(consumer)
        finally:
            consumer.close()
        return count

    def _catch_up(self) -> int:
        """Project each topic of which the database has no place; returns how many events were new."""
        count = 0
        known = {topic for topic, _ in self._projector.known_places()}
        for topic in self._projector.topics:
            if topic not in known:
                for part in batches(self._bus.read(topic), self._batch):
                    count += self._projector.project(part)
                    self._beat()
                    self._heard()
        return count

    def _measure(self, consumer: Consumer) -> None:
        lag = consumer.lag()
        if lag is not None:
            self._lag(lag)


def _last(polled: Sequence[Delivery]) -> list[Delivery]:
    last: dict[tuple[str, int], Delivery] = {}
    for each in polled:
        last[each.topic, each.partition] = each
    return list(last.values())
