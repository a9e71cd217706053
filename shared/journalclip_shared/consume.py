"""The consume loop: the one place where deliveries meet handlers and errors meet their end.

For every delivery, in this order: decode, handle, publish what the handler returned, commit. A crash anywhere before
the commit brings the delivery back, and since handlers are idempotent and ids deterministic, nothing is lost and
nothing appears twice. Errors end in one of three ways (see `journalclip_shared.errors`):

* transient: tried again up to ``attempts`` times with exponential back-off and full jitter, then as permanent, with
  code ``retries-exhausted``;
* permanent: a dead letter that keeps the original bytes and says why, plus a `SourceQuarantined` fact;
* anything else is a bug: the loop lets it through, the process dies, the supervisor restarts it.

A breaker stops the loop before committing when most recent deliveries died: that is an outage, not bad input.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from journalclip_shared.bus import Bus, Consumer, Delivery, Record, dead_letter_topic
from journalclip_shared.errors import JournalclipError, PermanentError, TransientError
from journalclip_shared.events import Event, Fact, SourceQuarantined, decode


class Handler(Protocol):
    """Event in, facts out. Idempotent; reaches the world only through what its constructor was given."""

    group: str
    consumes: tuple[type[Fact], ...]

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `TransientError` or `PermanentError`; anything else is a bug."""
        ...


class BreakerOpen(JournalclipError):
    """Too many recent deliveries died; the loop stopped without committing them."""


@dataclass(frozen=True)
class LoopSettings:
    """How patient the loop is."""

    concurrency: int = 1  # handlers at once; each key is handled by one at a time
    attempts: int = 5
    backoff_s: float = 0.5  # first ceiling of the jittered wait; doubles each time
    backoff_max_s: float = 30.0
    heartbeat_s: float = 1.0  # far below any max.poll.interval
    breaker_window: int = 20
    breaker_share: float = 0.8  # the share of transient deaths in a full window that opens the breaker


class Observer(Protocol):
    """Told what became of each delivery; metrics and progress bars listen here."""

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None: ...


class Quiet:
    """An observer that does nothing."""

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None: ...


@dataclass
class Loop:
    """One handler on one bus. `drain` empties the backlog and returns; `run` serves until told to stop."""

    bus: Bus
    handler: Handler
    settings: LoopSettings = field(default_factory=LoopSettings)
    observer: Observer = field(default_factory=Quiet)
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=self.settings.breaker_window)

    def drain(self, stop: threading.Event | None = None) -> int:
        """Handle what is in the log now and return how many deliveries that was."""
        return self._consume(stop or threading.Event(), forever=False)

    def run(self, stop: threading.Event) -> int:
        """Handle events until ``stop`` is set; the batch in hand is finished first."""
        return self._consume(stop, forever=True)

    def _consume(self, stop: threading.Event, forever: bool) -> int:
        topics = [fact.topic for fact in self.handler.consumes]
        consumer = self.bus.consumer(topics, self.handler.group)
        count = 0
        try:
            with ThreadPoolExecutor(self.settings.concurrency) as pool:
                while not stop.is_set():
                    deliveries = consumer.poll(0.5 if forever else 0.0, 4 * self.settings.concurrency)
                    if deliveries:
                        self._batch(consumer, pool, deliveries)
                        count += len(deliveries)
                    elif not forever:
                        break
        finally:
            consumer.close()
        return count

    def _batch(self, consumer: Consumer, pool: ThreadPoolExecutor, deliveries: Sequence[Delivery]) -> None:
        lanes: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            lanes.setdefault(delivery.key, []).append(delivery)
        futures: list[Future[None]] = [pool.submit(self._lane, lane) for lane in lanes.values()]
        pending: set[Future[None]] = set(futures)
        while pending:
            _, pending = wait(pending, timeout=self.settings.heartbeat_s)
            consumer.heartbeat()
        for future in futures:
            future.result()
        consumer.commit(deliveries)

    def _lane(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._one(delivery)

    def _one(self, delivery: Delivery) -> None:
        started = time.monotonic()
        try:
            event = decode(delivery.headers, delivery.body)
            facts = self._attempt(event)
        except PermanentError as error:
            self._bury(delivery, error)
            return
        self._recent.append(False)
        self.observer.handled(delivery, facts, time.monotonic() - started)

    def _attempt(self, event: Event) -> list[Fact]:
        for attempt in range(1, self.settings.attempts + 1):
            try:
                facts = list(self.handler.handle(event))
                self.bus.publish([Event(f, self.handler.group, traceparent=event.traceparent) for f in facts])
            except TransientError as error:
                if attempt == self.settings.attempts:
                    raise _Exhausted(attempt, error) from error
                ceiling = min(self.settings.backoff_max_s, self.settings.backoff_s * 2 ** (attempt - 1))
                self.sleep(self.rng.uniform(0, ceiling))
            else:
                return facts
        raise AssertionError("attempts is at least 1")

    def _bury(self, delivery: Delivery, error: PermanentError) -> None:
        self._recent.append(isinstance(error, _Exhausted))
        window = self.settings.breaker_window
        if len(self._recent) == window and sum(self._recent) >= self.settings.breaker_share * window:
            raise BreakerOpen(f"{sum(self._recent)} of the last {window} deliveries died; last: {error}") from error
        origin = {
            "dlq-code": error.code,
            "dlq-reason": error.reason[:4000],
            "dlq-topic": delivery.topic,
            "dlq-partition": str(delivery.partition),
            "dlq-offset": str(delivery.offset),
            "dlq-group": self.handler.group,
        }
        headers = (*delivery.headers, *((name, value.encode()) for name, value in origin.items()))
        self.bus.publish_raw([Record(dead_letter_topic(delivery.topic), delivery.key, headers, delivery.body)])
        self.bus.publish([Event(self._quarantined(delivery, error), self.handler.group)])
        self.observer.died(delivery, error)

    def _quarantined(self, delivery: Delivery, error: PermanentError) -> SourceQuarantined:
        return SourceQuarantined(
            source_id=delivery.key,
            stage=self.handler.group,
            code=error.code,
            reason=error.reason[:4000],
            remedy=error.remedy[:1000],
        )


class _Exhausted(PermanentError):
    """A transient error outlived its retries."""

    def __init__(self, attempts: int, error: TransientError) -> None:
        super().__init__(
            "retries-exhausted",
            f"gave up after {attempts} attempts: {error}",
            "Once the cause is gone, run `journalclip replay-dlq`.",
        )
