"""What a consume loop has in hand: in order by key, and committed by finished prefix.

Two orders hold at once. Deliveries of one key are taken one at a time and in the order in which they came, whatever
other keys do. And a partition's deliveries are handed back for commit only as far as every earlier one of them is done,
so a commit never passes over work that is still open. Threads share one `KeyedQueue`; any of them may call any
method.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from journalclip_shared.bus import Delivery


@dataclass(eq=False, slots=True)
class InFlight:
    """A delivery in hand. Its own object even where the same delivery came twice, as after a rebalance."""

    delivery: Delivery
    done: bool = False


class KeyedQueue:
    """A queue by key with a ledger by partition."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[InFlight]] = {}  # keys being handled are here too, with what came meanwhile
        self._ready: deque[str] = deque()
        self._ledger: dict[tuple[str, int], deque[InFlight]] = {}
        self._queued = self._held = self._finished = 0
        self._closed = False

    def __len__(self) -> int:
        """How many deliveries are in hand and not done."""
        return self._held

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, deliveries: Iterable[Delivery]) -> None:
        with self._changed:
            for delivery in deliveries:
                held = InFlight(delivery)
                self._ledger.setdefault((delivery.topic, delivery.partition), deque()).append(held)
                lane = self._waiting.get(delivery.key)
                if lane is None:
                    lane = self._waiting[delivery.key] = deque()
                    self._ready.append(delivery.key)
                lane.append(held)
                self._queued += 1
                self._held += 1
            self._changed.notify_all()

    def take(self) -> list[InFlight]:
        """Work for one thread, of one or more whole lanes; waits for some, and is empty once closed.

        A thread's share shrinks with the queue: a long queue means quick work, where locking would be the cost, a
        short one slow work, where every thread should have some.
        """
        with self._changed:
            while not self._ready and not self._closed:
                self._changed.wait()
            if self._closed:
                return []
            share = max(1, self._queued // (2 * self._workers))
            taken: list[InFlight] = []
            while self._ready and len(taken) < share:
                lane = self._waiting[self._ready.popleft()]
                taken.extend(lane)
                lane.clear()
            self._queued -= len(taken)
            return taken

    def done(self, finished: Sequence[InFlight]) -> None:
        """These are handled and what they led to is published."""
        with self._changed:
            for held in finished:
                held.done = True
            self._held -= len(finished)
            self._finished += len(finished)
            self._changed.notify_all()

    def release(self, taken: Sequence[InFlight]) -> None:
        """The thread that took these is through with their keys; what came meanwhile is next."""
        with self._changed:
            for key in {held.delivery.key for held in taken}:
                if self._waiting[key]:
                    self._ready.append(key)
                else:
                    del self._waiting[key]
            self._changed.notify_all()

    def committable(self) -> list[Delivery]:
        """The last delivery of each partition's finished prefix, where it grew since the last call."""
        with self._changed:
            last: list[Delivery] = []
            for ledger in self._ledger.values():
                held = None
                while ledger and ledger[0].done:
                    held = ledger.popleft()
                if held is not None:
                    last.append(held.delivery)
            return last

    def wait(self, timeout_s: float) -> None:
        """Return once something more was finished, or after ``timeout_s``."""
        with self._changed:
            if self._held and not self._finished and not self._closed:
                self._changed.wait(timeout_s)
            self._finished = 0

    def close(self) -> None:
        """Hand out no more; what is being handled may still be marked done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
