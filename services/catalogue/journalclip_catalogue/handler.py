"""Deliveries in, rows out: one transaction a batch, exactly once in effect.

The place of each partition is moved by compare-and-set in the transaction of the rows. So a batch that died is
projected again, and one that another projector took is rolled back. Rows are replaced by rank alone (see `rows`), so
neither a repeated event nor an old one that is announced again changes anything. A record that cannot be projected is
kept in `failed_event` and never stops the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, Engine, and_, select, update

from journalclip_catalogue import rows
from journalclip_catalogue.errors import AnotherProjector
from journalclip_catalogue.members import settle
from journalclip_catalogue.upsert import insert_new
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Delivery
from journalclip_shared.catalogue.engine import transaction
from journalclip_shared.catalogue.tables import FAILED, PLACE
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import FACTS, decode
from journalclip_shared.failpoints import hit

Partition = tuple[str, int]


class Projector:
    """Projects deliveries of every fact's topic into one database."""

    group = "catalogue"
    topics = tuple(FACTS)

    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine, self._store = engine, store

    def project(self, deliveries: Sequence[Delivery]) -> int:
        """Project one batch; returns how many of it were new.

        Raises `TransientError` (also `AnotherProjector`), `ConfigurationError`.
        """
        with transaction(self._engine) as connection:
            places = self.places(connection)
        new = [each for each in deliveries if each.offset >= places.get((each.topic, each.partition), 0)]
        if not new:
            return 0
        # Documents are read before the transaction begins: a store that is slow holds no lock.
        changes, failed = self._read(new)
        hit("catalogue.before-rows")
        with transaction(self._engine) as connection:
            rows.apply(connection, changes)
            if failed:
                insert_new(connection, FAILED, failed)
            hit("catalogue.before-place")
            self._move(connection, new, places)
            hit("catalogue.before-end")
        hit("catalogue.after-end")
        return len(new)

    def settle(self, beat: Callable[[], None] = lambda: None) -> None:
        """What only makes sense of a log that was read to its end: the places of datasets. Raises as `project`."""
        settle(self._engine, self._store, beat)

    def known_places(self) -> dict[Partition, int]:
        """As `places`, in a transaction of its own."""
        with transaction(self._engine) as connection:
            return self.places(connection)

    @staticmethod
    def places(connection: Connection) -> dict[Partition, int]:
        """The next offset of each partition."""
        return {(str(topic), int(part)): int(following) for topic, part, following in connection.execute(select(PLACE))}

    def _read(self, new: Sequence[Delivery]) -> tuple[rows.Changes, list[dict[str, object]]]:
        changes, failed = rows.Changes(), list[dict[str, object]]()
        for delivery in new:
            try:
                changes.add(decode(delivery.headers, delivery.body), self._store)
            except PermanentError as error:
                failed.append(
                    {
                        "topic": delivery.topic,
                        "partition": delivery.partition,
                        "offset": delivery.offset,
                        "error": str(error)[:4000],
                    }
                )
        return changes, failed

    @staticmethod
    def _move(connection: Connection, new: Sequence[Delivery], places: dict[Partition, int]) -> None:
        following: dict[Partition, int] = defaultdict(int)
        for each in new:
            key = (each.topic, each.partition)
            following[key] = max(following[key], each.offset + 1)
        for (topic, partition), place in following.items():
            key = (topic, partition)
            if key not in places:
                made = insert_new(connection, PLACE, [{"topic": topic, "partition": partition, "next": place}])
                if not made:
                    raise AnotherProjector(topic, partition)
                continue
            mine = and_(PLACE.c.topic == topic, PLACE.c.partition == partition, PLACE.c.next == places[key])
            if connection.execute(update(PLACE).where(mine).values(next=place)).rowcount != 1:
                raise AnotherProjector(topic, partition)


def batches(deliveries: Iterator[Delivery], size: int) -> Iterator[list[Delivery]]:
    """A topic that is read whole, in parts of at most ``size`` for `Projector.project`."""
    while part := list(islice(deliveries, size)):
        yield part
