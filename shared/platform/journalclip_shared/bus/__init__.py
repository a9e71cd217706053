"""The bus: an append-only log of events by topic, read by consumer groups, at least once.

What holds for every bus:

* `publish` returns only when the events are durable; a failure raises `TransientError` and any part may be in the log;
* events of one key keep their order; a group sees every event at least once;
* a delivery counts as done only after `commit`; what was polled and not committed is delivered again to the group's
  next member, and commits never move backwards.

So a handler is idempotent and its results are deterministic: at least once in, exactly once in effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from journalclip_shared.events import Event, Headers


@dataclass(frozen=True)
class Record:
    """Raw bytes for a topic: how dead letters travel, since they need not be one of our events."""

    topic: str
    key: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Delivery:
    """One record as a consumer received it; decoding is the reader's affair, for poison must be deliverable."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Headers
    body: bytes


class Consumer(Protocol):
    """One member of a consumer group. Not shared between threads."""

    def poll(self, timeout_s: float, max_records: int) -> list[Delivery]:
        """Up to ``max_records`` deliveries in partition order, or fewer (none) after ``timeout_s``."""
        ...

    def heartbeat(self) -> None:
        """Keep this member's partitions while work takes long; fetches nothing."""
        ...

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Mark these, and all before them in their partitions, as done."""
        ...

    def lag(self) -> int | None:
        """How many events this member's partitions hold beyond the last commit; None while it has yet to be given any.

        Raises `TransientError` where that lasts too long.
        """
        ...

    def close(self) -> None: ...


class Bus(Protocol):
    """What a bus must do; ``journalclip_shared.testing.bus`` proves that one does."""

    def publish(self, events: Sequence[Event]) -> None:
        """Append the events, durable on return. Raises `TransientError` where the log cannot be reached."""
        ...

    def publish_raw(self, records: Sequence[Record]) -> None:
        """Append raw records (dead letters, replays). Raises as `publish`."""
        ...

    def consumer(self, topics: Sequence[str], group: str) -> Consumer: ...

    def read(self, topic: str, places: Mapping[int, int] | None = None) -> Iterator[Delivery]:
        """The topic as it is now, outside any group: for status, audit and repair.

        ``places`` says for a partition which offset to begin at; one that is not named is read from its beginning.
        """
        ...

    def reopen(self) -> None:
        """Drop connections that failed; the next call makes new ones. Nobody else may use the bus meanwhile."""
        ...

    def close(self) -> None: ...


def dead_letter_topic(topic: str) -> str:
    return topic if topic.endswith(".dlq") else f"{topic}.dlq"
