"""The consume loop: the one place where deliveries meet handlers and errors are handled.

For every delivery, in this order: decode, handle, publish what the handler returned, commit. A crash anywhere before
the commit brings the delivery back, and since handlers are idempotent and ids deterministic, nothing is lost and
nothing appears twice. An error ends by whose it is (see `journalclip_shared.errors`):

* the input's (`PermanentError`): a dead letter that keeps the original bytes and says why, and a `SourceQuarantined`;
* ours (`ConfigurationError`, or any exception that is not ours on purpose): the loop lets it through, the process ends
  and nothing is dead-lettered. A delivery that was in hand at ``crashes`` deaths of its process is parked with code
  ``handler-crashed``;
* the world's (`TransientError`): the delivery waits and is tried again with exponential back-off and full jitter. It
  waits as long as its dependency is unavailable. Where the dependency answers, or other deliveries succeed meanwhile,
  and this one has failed ``attempts`` times, it is parked with code ``retries-exhausted``: one source does not hold up
  the others.

Parked means dead-lettered and shown as quarantined; ``journalclip replay-dlq`` brings it back. A bus that stays
unreachable stops the loop with the `TransientError`, and nothing is committed. For errors that name no dependency a
breaker stops the loop where most recent deliveries outlived their retries: that is an outage, not bad input.

One thread polls, commits and keeps the group membership alive; ``concurrency`` threads handle. How much is in hand
follows the handler's pace: about a second of work, so slow work is spread evenly and quick work is batched.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.breaker import Breaker, BreakerOpen
from journalclip_shared.bus import Bus, Consumer, Delivery, Record, dead_letter_topic
from journalclip_shared.crashes import CrashCounter
from journalclip_shared.errors import JournalclipError, PermanentError, TransientError
from journalclip_shared.events import Event, Fact, SourceQuarantined, decode
from journalclip_shared.failpoints import hit
from journalclip_shared.keyed_queue import InFlight, KeyedQueue

__all__ = [
    "BreakerOpen",
    "Handler",
    "HandlerStuck",
    "Loop",
    "LoopSettings",
    "NullObserver",
    "Observer",
    "Tracer",
    "decoded",
]

_T = TypeVar("_T")
# A broker takes messages of 1 MB; a letter has the headers of its origin besides.
MAX_LETTER = 900_000
BODY_REFERENCE = "dlq-body"  # header: the `ArtifactRef` of a body that was too large for the log


class Handler(Protocol):
    """Event in, facts out. Idempotent; reaches the world only through what its constructor was given."""

    group: str
    consumes: tuple[type[Fact], ...]

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `TransientError` or `PermanentError`; anything else is a bug."""
        ...


@dataclass(frozen=True)
class LoopSettings:
    """How patient the loop is."""

    concurrency: int = 1  # handlers at once; each key is handled by one at a time
    attempts: int = 5
    backoff_s: float = 0.5  # first ceiling of the jittered wait; doubles each time
    backoff_max_s: float = 30.0
    heartbeat_s: float = 1.0  # far below any max.poll.interval
    breaker_window: int = 20
    breaker_share: float = 0.8  # the share of exhausted retries in a full window that opens the breaker
    in_hand_max: int = 1000  # deliveries in memory at once, however quick the handler is
    linger_s: float = 0.1  # facts wait this long at most for others to be published with
    commit_s: float = 0.2  # commits come no closer together; what a crash repeats is this much work
    poll_s: float = 0.5  # an idle loop looks this often whether it should stop
    lag_s: float = 5.0  # between two measurements of lag
    drain_wait_s: float = 120.0  # a drain waits so long for a dependency, then ends with its `TransientError`
    handler_limit_s: float = 0.0  # one delivery may be handled so long; 0: no limit


class Observer(Protocol):
    """Told what became of each delivery; metrics and progress bars listen here."""

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None: ...

    def waiting(self, dependency: str, seconds: float) -> None:
        """A delivery waits ``seconds`` for ``dependency`` before its next attempt."""
        ...


class NullObserver:
    """An observer that does nothing."""

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None: ...

    def waiting(self, dependency: str, seconds: float) -> None: ...


class Tracer(Protocol):
    """Opens a span around the handling of an event; yields the traceparent that its facts carry on."""

    def span(self, group: str, event: Event) -> AbstractContextManager[str | None]: ...


class NullTracer:
    """Passes the trace on as it came."""

    def span(self, group: str, event: Event) -> AbstractContextManager[str | None]:
        return nullcontext(event.traceparent)


class HandlerStuck(JournalclipError):
    """One delivery has been handled for longer than ``handler_limit_s``."""


class _Stopping(Exception):
    """The loop was told to stop while this delivery waited for its next attempt; it comes again after the restart."""


def decoded(delivery: Delivery) -> Event:
    """The delivery as one of our events. Raises `UndecodableEvent`."""
    return decode(delivery.headers, delivery.body)


@dataclass
class Loop:
    """One handler on one bus. `drain` empties the backlog and returns; `run` serves until told to stop."""

    bus: Bus
    handler: Handler
    settings: LoopSettings = field(default_factory=LoopSettings)
    observer: Observer = field(default_factory=NullObserver)
    sleep: Callable[[float], object] | None = None
    rng: random.Random = field(default_factory=random.Random)
    tracer: Tracer = field(default_factory=NullTracer)
    lag: Callable[[int], None] | None = None
    beat: Callable[[], None] | None = None  # called at every turn of the polling thread: the loop is alive
    decode: Callable[[Delivery], Event] = decoded  # intake reads what an object store wrote, no CloudEvent
    probes: Mapping[str, Callable[[], bool]] = field(default_factory=dict)  # by dependency: does it answer now?
    crashes: CrashCounter = field(default_factory=lambda: CrashCounter(None, "", 0))
    stuck: Callable[[HandlerStuck], None] | None = None  # ends the process; a thread cannot be ended alone
    spill: Callable[[bytes], ArtifactRef] | None = None  # stores the body of a dead letter that is too large

    def __post_init__(self) -> None:
        self._breaker = Breaker(self.settings.breaker_window, self.settings.breaker_share)
        self._succeeded = float("-inf")  # when a delivery was last handled, on the monotonic clock

    def drain(self, stop: threading.Event | None = None) -> int:
        """Handle what is in the log now and return how many deliveries that was."""
        return self._consume(stop or threading.Event(), forever=False)

    def run(self, stop: threading.Event) -> int:
        """Handle events until ``stop`` is set; what is being handled then is finished first."""
        return self._consume(stop, forever=True)

    def _consume(self, stop: threading.Event, forever: bool) -> int:
        topics = [fact.topic for fact in self.handler.consumes]
        consumer = self.bus.consumer(topics, self.handler.group)
        try:
            return _Run(self, consumer, stop, forever).go()
        finally:
            consumer.close()

    def attempt(self, event: Event, stop: threading.Event, forever: bool) -> list[Fact]:
        """Handle ``event``, again while a dependency is unavailable.

        Raises `PermanentError` where the event alone cannot go on. Where it does not run ``forever``, it raises the
        `TransientError` of a dependency that stays unavailable.
        """
        begun, attempts, waited = time.monotonic(), 0, 0.0
        while True:
            try:
                hit("consume.before-handle")
                facts = list(self.handler.handle(event))
                hit("consume.after-handle")
            except TransientError as error:
                attempts += 1
                if attempts >= self.settings.attempts and self._alone(error, begun):
                    raise _Exhausted(attempts, error) from error
                if attempts >= self.settings.attempts and not forever and waited >= self.settings.drain_wait_s:
                    raise
                pause = self._pause(attempts)
                self.observer.waiting(error.dependency, pause)
                self._rest(pause, stop)
                waited += pause
            else:
                return facts

    def _alone(self, error: TransientError, begun: float) -> bool:
        """Is this event the only one that cannot go on?"""
        if error.certain:
            return False
        if not error.dependency or self._succeeded > begun:
            return True
        probe = self.probes.get(error.dependency)
        return probe is not None and probe()

    def _pause(self, attempt: int) -> float:
        """Seconds before the next attempt: exponential with full jitter."""
        doublings = min(attempt - 1, 30)  # far above any ceiling, far below the largest float
        return self.rng.uniform(0, min(self.settings.backoff_max_s, self.settings.backoff_s * 2**doublings))

    def _rest(self, seconds: float, stop: threading.Event) -> None:
        hit("consume.before-retry")
        (self.sleep or stop.wait)(seconds)
        if stop.is_set():
            raise _Stopping from None

    def retried(self, call: Callable[[], _T], stop: threading.Event) -> _T:
        """``call``, tried again with exponential back-off and full jitter. Raises the last `TransientError`."""
        for attempt in range(1, self.settings.attempts + 1):
            try:
                return call()
            except TransientError:
                if attempt == self.settings.attempts:
                    raise
                self._rest(self._pause(attempt), stop)
        raise AssertionError("attempts is at least 1")

    def bury(self, delivery: Delivery, error: PermanentError, stop: threading.Event, event: Event | None) -> None:
        """The dead letter, with the bytes as they came, and the fact that says why; ``event`` where it was readable."""
        if isinstance(error, _Exhausted) and not error.dependency:
            self._breaker.record(exhausted=True)
        hit("consume.before-bury")
        headers, body = _origin(delivery, error, self.handler.group), delivery.body
        if len(body) > MAX_LETTER and self.spill is not None:
            ref = self.retried(lambda: self._spilled(delivery.body), stop)
            headers, body = (*headers, (BODY_REFERENCE, ref.model_dump_json().encode())), b""
        letter = Record(dead_letter_topic(delivery.topic), delivery.key, headers, body)
        self.retried(lambda: self.bus.publish_raw([letter]), stop)
        hit("consume.after-dead-letter")
        # What it is about says the event itself; a record's key is any text that its sender chose.
        source = delivery.key if event is None else event.key
        fact = _quarantined(source, error, self.handler.group)
        self.retried(lambda: self.bus.publish([Event(fact, self.handler.group)]), stop)
        hit("consume.after-quarantine")
        self.observer.died(delivery, error)

    def _spilled(self, body: bytes) -> ArtifactRef:
        assert self.spill is not None
        return self.spill(body)

    def survived(self) -> None:
        """A delivery was handled: what waits for a dependency is judged by it, and the breaker counts it too."""
        self._succeeded = time.monotonic()
        self._breaker.record(exhausted=False)


class _Run:
    """One stretch of consuming: the polling thread's side."""

    def __init__(self, loop: Loop, consumer: Consumer, stop: threading.Event, forever: bool) -> None:
        self._loop, self._consumer, self._stop, self._forever = loop, consumer, stop, forever
        self._settings = loop.settings
        self._lanes = KeyedQueue(self._settings.concurrency)
        self._pace = _Pace(self._settings)
        self._last_commit = self._last_lag = 0.0
        self._count = 0
        self._workers = [
            _Worker(self._loop, self._lanes, self._pace, self._stop, forever, slot)
            for slot in range(self._settings.concurrency)
        ]

    def go(self) -> int:
        with ThreadPoolExecutor(self._settings.concurrency, thread_name_prefix=self._loop.handler.group) as pool:
            workers = [pool.submit(worker.run) for worker in self._workers]
            try:
                while self._turn():
                    _raise_failure(workers)
            except _Stopping:
                pass
            finally:
                self._lanes.close()
                self._finish(workers)
            _raise_failure(workers)
        self._loop.crashes.close()
        return self._count

    def _turn(self) -> bool:
        """Fetch, wait, commit. False when it is time to end."""
        if self._stop.is_set():
            return False
        room = self._pace.in_hand() - len(self._lanes)
        if room > 0:
            patience = self._settings.poll_s if self._forever and not len(self._lanes) else 0.0
            deliveries = self._loop.retried(lambda: self._consumer.poll(patience, room), self._stop)
            hit("consume.polled")
            self._lanes.put(deliveries)
            self._count += len(deliveries)
            if not deliveries and not len(self._lanes) and not self._forever and self._drained():
                return False
        else:
            self._consumer.heartbeat()
        self._lanes.wait(self._settings.heartbeat_s)
        self._commit(pause_s=self._settings.commit_s)
        self._measure()
        self._watch()
        if self._loop.beat is not None:
            self._loop.beat()
        return True

    def _watch(self) -> None:
        """A handler that never returns would hold its key, its partition's commit and the process's end for ever."""
        limit, now = self._settings.handler_limit_s, time.monotonic()
        for worker in self._workers:
            busy = worker.busy  # one read: the thread may finish between two
            if limit and self._loop.stuck is not None and busy is not None and now - busy[1] > limit:
                place = f"{busy[0].topic}/{busy[0].partition}/{busy[0].offset}"
                self._loop.stuck(
                    HandlerStuck(f"{place} has been handled for {now - busy[1]:.0f} s, {limit:.0f} allowed")
                )

    def _drained(self) -> bool:
        # An empty poll proves nothing where fetches are under way; what is committed against what is there does.
        self._commit(pause_s=0.0)
        return self._loop.retried(self._consumer.lag, self._stop) == 0

    def _finish(self, workers: Sequence[Future[None]]) -> None:
        hit("consume.stopping")
        while wait(workers, timeout=self._settings.heartbeat_s).not_done:
            self._consumer.heartbeat()
        with suppress(_Stopping):  # the commit is a courtesy now: what it misses is delivered again
            self._commit(pause_s=0.0)

    def _commit(self, pause_s: float) -> None:
        now = time.monotonic()
        if now - self._last_commit < pause_s:
            return
        if finished := self._lanes.committable():
            hit("consume.before-commit")
            self._loop.retried(lambda: self._consumer.commit(finished), self._stop)
            hit("consume.after-commit")
            self._last_commit = now

    def _measure(self) -> None:
        now = time.monotonic()
        if self._loop.lag is not None and now - self._last_lag >= self._settings.lag_s:
            self._last_lag = now
            with suppress(TransientError):  # a gauge that misses a beat is no reason to stop working
                if (lag := self._consumer.lag()) is not None:
                    self._loop.lag(lag)


class _Worker:
    """One handling thread: handles lanes, gathers facts, publishes them together."""

    def __init__(
        self, loop: Loop, lanes: KeyedQueue, pace: _Pace, stop: threading.Event, forever: bool, slot: int
    ) -> None:
        self._loop, self._lanes, self._pace, self._stop = loop, lanes, pace, stop
        self._forever, self._slot = forever, slot
        self.busy: tuple[Delivery, float] | None = None  # what is being handled, and since when
        self._outbox: list[Event] = []
        self._handled: list[tuple[InFlight, list[Fact], float]] = []
        self._buried: list[InFlight] = []
        self._since = 0.0

    def run(self) -> None:
        try:
            while taken := self._lanes.take():
                self._work(taken)
                self._lanes.release(taken)
        except _Stopping:
            return
        finally:
            self._lanes.close()  # after a bug too: no one else starts anything, and the polling thread wakes

    def _work(self, taken: Sequence[InFlight]) -> None:
        self._since = time.monotonic()
        for held in taken:
            if self._lanes.closed:
                break
            self._loop.crashes.begin(self._slot, held.delivery)
            self.busy = (held.delivery, time.monotonic())
            self._one(held)
            self.busy = None
            if time.monotonic() - self._since >= self._loop.settings.linger_s:
                self._flush()
        self._flush()
        self._loop.crashes.end(self._slot)

    def _one(self, held: InFlight) -> None:
        delivery = held.delivery
        started, event = time.monotonic(), None
        try:
            hit("consume.before-decode")
            event = self._loop.decode(delivery)
            if deaths := self._loop.crashes.killed(delivery):
                raise _Crashed(deaths)
            with self._loop.tracer.span(self._loop.handler.group, event) as traceparent:
                facts = self._loop.attempt(event, self._stop, self._forever)
        except PermanentError as error:
            self._flush()  # what this lane led to before stands in the log before its end
            self._loop.bury(delivery, error, self._stop, event)
            self._loop.crashes.forget(delivery)
            self._buried.append(held)
            return
        self._outbox.extend(Event(fact, self._loop.handler.group, traceparent=traceparent) for fact in facts)
        self._handled.append((held, facts, time.monotonic() - started))

    def _flush(self) -> None:
        """Publish what was gathered; only then is it done."""
        if self._outbox:
            hit("consume.before-publish")
            self._loop.retried(lambda: self._loop.bus.publish(self._outbox), self._stop)
            hit("consume.after-publish")
        for held, facts, seconds in self._handled:
            self._pace.record(seconds)
            self._loop.survived()
            self._loop.observer.handled(held.delivery, facts, seconds)
            self._loop.crashes.forget(held.delivery)
        hit("consume.before-done")
        self._lanes.done([*(held for held, _, _ in self._handled), *self._buried])
        self._outbox, self._handled, self._buried = [], [], []
        self._since = time.monotonic()


class _Pace:
    """How many deliveries make about a second of work: slow handlers hold few, quick ones many."""

    _WEIGHT = 0.05  # of the newest sample: a change of pace is followed within a few tens of deliveries

    def __init__(self, settings: LoopSettings) -> None:
        self._settings = settings
        self._mean_s = 1.0  # slow until proven quick

    def record(self, seconds: float) -> None:
        self._mean_s += self._WEIGHT * (seconds - self._mean_s)

    def in_hand(self) -> int:
        workers = self._settings.concurrency
        return max(2 * workers, min(self._settings.in_hand_max, int(workers / max(self._mean_s, 1e-6))))


def _raise_failure(workers: Sequence[Future[None]]) -> None:
    for worker in workers:
        if worker.done():
            worker.result()


def _origin(delivery: Delivery, error: PermanentError, group: str) -> tuple[tuple[str, bytes], ...]:
    origin = {
        "dlq-code": error.code,
        "dlq-reason": error.reason[:4000],
        "dlq-topic": delivery.topic,
        "dlq-partition": str(delivery.partition),
        "dlq-offset": str(delivery.offset),
        "dlq-group": group,
    }
    return (*delivery.headers, *((name, value.encode()) for name, value in origin.items()))


def _quarantined(source: str, error: PermanentError, group: str) -> SourceQuarantined:
    return SourceQuarantined(
        source_id=source,
        stage=group,
        code=error.code,
        reason=error.reason[:4000],
        remedy=error.remedy[:1000],
    )


class _Crashed(PermanentError):
    """The process died again and again while it handled this delivery."""

    def __init__(self, deaths: int) -> None:
        super().__init__(
            "handler-crashed",
            f"the process ended {deaths} times while this was handled",
            "Read the service's log for the last lines before each end; then `journalclip replay-dlq`.",
        )


class _Exhausted(PermanentError):
    """A transient error outlived its retries."""

    def __init__(self, attempts: int, error: TransientError) -> None:
        self.dependency = error.dependency
        super().__init__(
            "retries-exhausted",
            f"gave up after {attempts} attempts: {error}",
            "Once the cause is gone, run `journalclip replay-dlq`.",
        )
