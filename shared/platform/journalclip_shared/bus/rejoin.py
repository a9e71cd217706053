"""Two mends of how kafka-python 3.0 joins a group, without which a member can stand still for good.

A member joins inside its polls, and the answer may take longer than one. The library keeps the join for the next poll,
but

* it forgets a join that changed metadata asked for (and not the group): once the leader has assigned partitions the
  library sees no reason to join any more, never collects the answer, sends no heartbeats, and is put out of the group
  without noticing. Java had the same fault (KAFKA-9815);
* it throws away a join that was answered between two polls and begins another. As leader of its group that makes all
  members join again, so that members which poll in turn never come to an end.

`keep_join` is called before each poll of a member in mid-join. What is promised by it: the next poll collects the
answer, whenever that came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kafka import KafkaConsumer
from kafka.structs import MemberState


class _Future(Protocol):
    """What the library's `wait_for` asks of a future."""

    is_done: bool

    def add_callback(self, call: Callable[[object], object]) -> object: ...

    def add_errback(self, call: Callable[[BaseException], object]) -> object: ...


class _Awaited:
    """A join whose answer has yet to be collected: not done, as far as the library looks."""

    is_done = False

    def __init__(self, join: _Future) -> None:
        self.add_callback = join.add_callback
        self.add_errback = join.add_errback


def stable(client: KafkaConsumer) -> bool:
    """Whether the member has joined its group and been given its partitions."""
    return bool(client.group_metadata().state == MemberState.STABLE)


def keep_join(client: KafkaConsumer) -> None:
    """Renew a join under way, and keep its answer for the next poll."""
    if client.group_metadata().state != MemberState.REBALANCING:
        return
    coordinator = client._coordinator  # nothing public asks for a join, or knows of one
    coordinator.request_rejoin()
    join = coordinator._join_task
    if join is not None and not isinstance(join, _Awaited):
        coordinator._join_task = _Awaited(join)
