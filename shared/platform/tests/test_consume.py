"""The loop: at least once, in order by key, and every error ends in one of three ways."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from journalclip_shared import failpoints
from journalclip_shared.breaker import Breaker, BreakerOpen
from journalclip_shared.bus import Bus, Consumer, Delivery, Record
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import (
    ArticleSubmitted,
    Event,
    Fact,
    FiguresExtracted,
    SourceQuarantined,
    decode,
    encode,
)
from journalclip_shared.failpoints import SimulatedCrash
from journalclip_shared.testing.bus import TOPIC
from journalclip_shared.testing.consume import QUICK, Doubling, ids, said
from journalclip_shared.testing.facts import events, submitted
from journalclip_shared.testing.memory import MemoryBus, MemoryConsumer


@pytest.fixture(params=["memory", "sqlite"])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryBus | SqliteBus:
    return MemoryBus() if request.param == "memory" else SqliteBus(tmp_path / "log.db")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_draining_handles_everything_once_and_says_so(bus: MemoryBus | SqliteBus, concurrency: int) -> None:
    bus.publish(events(50))
    handler = Doubling()
    settings = LoopSettings(concurrency=concurrency)
    assert Loop(bus, handler, settings).drain() == 50
    assert sorted(handler.seen) == sorted(f"issue-{n}.pdf" for n in range(50))
    assert ids(bus) == {submitted(n).article_id for n in range(50)}
    assert Loop(bus, handler, settings).drain() == 0


def test_one_key_keeps_its_order_whatever_the_concurrency(bus: MemoryBus | SqliteBus) -> None:
    lanes: dict[str, list[int]] = defaultdict(list)
    bodies = [submitted(n % 5, name=str(n)) for n in range(100)]
    bus.publish([Event(fact, "test") for fact in bodies])

    def act(fact: ArticleSubmitted) -> None:
        lanes[fact.article_id].append(int(fact.name))
        time.sleep(random.uniform(0, 0.002))

    Loop(bus, Doubling(act), LoopSettings(concurrency=8)).drain()
    assert [lanes[submitted(k).article_id] for k in range(5)] == [list(range(k, 100, 5)) for k in range(5)]


def test_a_transient_error_is_tried_again_and_then_works(bus: MemoryBus | SqliteBus) -> None:
    failures = iter([True, True, False])
    waits: list[float] = []

    def act(fact: ArticleSubmitted) -> None:
        if next(failures):
            raise TransientError("briefly unwell")

    bus.publish(events(1))
    Loop(bus, Doubling(act), LoopSettings(backoff_s=1.0), sleep=waits.append, rng=random.Random(0)).drain()
    assert len(said(bus)) == 1
    assert len(waits) == 2
    assert 0 <= waits[0] <= 1.0
    assert 0 <= waits[1] <= 2.0


def test_back_off_has_a_ceiling(bus: MemoryBus | SqliteBus) -> None:
    class Most(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    def act(fact: ArticleSubmitted) -> None:
        raise TransientError("unwell")

    waits: list[float] = []
    bus.publish(events(1))
    settings = LoopSettings(attempts=6, backoff_s=1.0, backoff_max_s=5.0)
    Loop(bus, Doubling(act), settings, sleep=waits.append, rng=Most()).drain()
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_exhausted_retries_end_in_a_dead_letter_with_its_origin(bus: MemoryBus | SqliteBus) -> None:
    def act(fact: ArticleSubmitted) -> None:
        raise TransientError("the store is away")

    bus.publish(events(1))
    Loop(bus, Doubling(act), QUICK).drain()
    (letter,) = bus.read(f"{TOPIC}.dlq")
    origin = dict(letter.headers)
    assert origin["dlq-code"] == b"retries-exhausted"
    assert b"the store is away" in origin["dlq-reason"]
    assert origin["dlq-topic"] == TOPIC.encode()
    assert origin["dlq-group"] == b"extraction"
    assert origin["dlq-offset"].isdigit()
    assert decode(letter.headers, letter.body).fact == submitted(0)


def test_a_permanent_error_is_quarantined_and_the_run_goes_on(bus: MemoryBus | SqliteBus) -> None:
    def act(fact: ArticleSubmitted) -> None:
        if fact.name == "issue-3.pdf":
            raise PermanentError("pdf-encrypted", "asks for a password", "Save it without one.")

    bus.publish(events(10))
    watcher = Watcher()
    assert Loop(bus, Doubling(act), QUICK, observer=watcher).drain() == 10
    assert len(ids(bus)) == 9
    (fact,) = said(bus, SourceQuarantined)
    assert isinstance(fact, SourceQuarantined)
    assert (fact.source_id, fact.stage, fact.code) == (submitted(3).key, "extraction", "pdf-encrypted")
    assert fact.remedy == "Save it without one."
    assert (watcher.handled_count, watcher.codes) == (9, ["pdf-encrypted"])
    assert Loop(bus, Doubling(act), QUICK).drain() == 0


def test_what_is_quarantined_is_named_by_its_event_and_only_what_is_none_by_its_key(
    bus: MemoryBus | SqliteBus,
) -> None:
    def act(fact: ArticleSubmitted) -> None:
        raise PermanentError("artifact-missing", "its bytes are nowhere", "Send it again.")

    bus.publish_raw([Record(TOPIC, "strange", *encode(events(1)[0])), Record(TOPIC, "torn", (), b"{")])
    assert Loop(bus, Doubling(act), QUICK).drain() == 2
    assert {fact.key for fact in said(bus, SourceQuarantined)} == {submitted(0).key, "torn"}


class Watcher:
    def __init__(self) -> None:
        self.handled_count = 0
        self.codes: list[str] = []

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None:
        assert len(facts) == 1
        assert seconds >= 0
        self.handled_count += 1

    def waiting(self, dependency: str, seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None:
        self.codes.append(error.code)


def test_what_is_no_event_is_a_dead_letter_as_it_came(bus: MemoryBus | SqliteBus) -> None:
    poison = Record(TOPIC, "who", (("ce_type", b"\xff"),), b"\x00\x01")
    bus.publish_raw([poison])
    bus.publish(events(2))
    assert Loop(bus, Doubling(), QUICK).drain() == 3
    (letter,) = bus.read(f"{TOPIC}.dlq")
    assert (letter.key, letter.headers[0], letter.body) == ("who", poison.headers[0], poison.body)
    assert len(ids(bus)) == 2


def test_a_bug_crashes_and_nothing_of_it_is_committed(bus: MemoryBus | SqliteBus) -> None:
    def act(fact: ArticleSubmitted) -> None:
        if fact.name == "issue-2.pdf":
            raise ZeroDivisionError

    bus.publish(events(5))
    with pytest.raises(ZeroDivisionError):
        Loop(bus, Doubling(act), QUICK).drain()
    again = Doubling()
    assert Loop(bus, again, QUICK).drain() >= 1
    assert "issue-2.pdf" in again.seen
    assert ids(bus) == {submitted(n).article_id for n in range(5)}


POINTS = [point for point in failpoints.POINTS if point.startswith("consume.")]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_crash_at_any_point_loses_nothing(bus: MemoryBus | SqliteBus, point: str, count: int) -> None:
    def act(fact: ArticleSubmitted) -> None:
        if fact.name in {"issue-1.pdf", "issue-4.pdf", "issue-6.pdf"}:
            raise PermanentError("pdf-empty", "0 bytes")

    bus.publish(events(8))
    # A retry is on the way only where something failed.
    failure = "consume.before-handle=transient;" if point == "consume.before-retry" else ""
    failpoints.arm(f"{failure}{point}=crash@{count}")
    crashed = 0
    for _ in range(3):
        try:
            Loop(bus, Doubling(act), QUICK).drain()
            break
        except SimulatedCrash:
            crashed += 1
    failpoints.arm("")
    if count == 1:
        assert crashed == 1, "every point is on the way of every run"
    assert Loop(bus, Doubling(act), QUICK).drain() == 0
    assert ids(bus) == {submitted(n).article_id for n in (0, 2, 3, 5, 7)}
    buried = Counter(fact.key for fact in said(bus, SourceQuarantined))
    assert set(buried) == {submitted(n).key for n in (1, 4, 6)}
    assert {each.key for each in bus.read(f"{TOPIC}.dlq")} == set(buried)


def test_the_breaker_opens_on_an_outage_and_what_it_stopped_comes_again(bus: MemoryBus | SqliteBus) -> None:
    def act(fact: ArticleSubmitted) -> None:
        raise TransientError("the store is away")

    bus.publish(events(40))
    settings = LoopSettings(attempts=1, breaker_window=10, heartbeat_s=0.05)
    with pytest.raises(BreakerOpen, match="10 of the last 10"):
        Loop(bus, Doubling(act), settings).drain()
    assert Loop(bus, Doubling(), QUICK).drain() >= 30
    letters = {each.key for each in bus.read(f"{TOPIC}.dlq")}
    assert len(letters) < 10
    assert {fact.article_id for fact in map(submitted, range(40))} == ids(bus) | letters


def test_any_number_of_bad_files_leaves_the_breaker_closed(bus: MemoryBus | SqliteBus) -> None:
    def act(fact: ArticleSubmitted) -> None:
        raise PermanentError("pdf-empty", "0 bytes")

    bus.publish(events(60))
    assert Loop(bus, Doubling(act), LoopSettings(breaker_window=5, concurrency=4)).drain() == 60


def test_the_breaker_forgets_what_left_its_window() -> None:
    breaker = Breaker(window=4, share=0.75)
    for outcome in (True, True, False, False, True, False, False):
        breaker.record(outcome)
    breaker.record(exhausted=True)
    breaker.record(exhausted=True)
    with pytest.raises(BreakerOpen):
        breaker.record(exhausted=True)


def test_serving_stops_when_told_and_leaves_no_half_work(bus: MemoryBus | SqliteBus) -> None:
    stop = threading.Event()
    handler = Doubling(lambda fact: stop.set() if fact.name == "issue-20.pdf" else None)
    bus.publish(events(200))
    handled = Loop(bus, handler, QUICK).run(stop)
    assert handled >= 1
    published = ids(bus)
    assert {submitted(int(name[6:-4])).article_id for name in handler.seen} == published
    rest = Doubling()
    Loop(bus, rest, QUICK).drain()
    assert ids(bus) == {submitted(n).article_id for n in range(200)}
    assert not set(rest.seen) & set(handler.seen), "graceful: what was handled was committed too"


def test_stopping_does_not_wait_for_a_long_back_off(bus: MemoryBus | SqliteBus) -> None:
    stop = threading.Event()

    def act(fact: ArticleSubmitted) -> None:
        threading.Timer(0.05, stop.set).start()
        raise TransientError("unwell")

    class Most(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    bus.publish(events(1))
    Loop(bus, Doubling(act), LoopSettings(backoff_s=3600.0, backoff_max_s=3600.0), rng=Most()).run(stop)
    assert said(bus) == []
    assert Loop(bus, Doubling(), QUICK).drain() == 1


class Flaky(MemoryBus):
    """Fails the first publications with `TransientError`; the log may hold them all the same."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = 0
        self._wanted = failures

    def publish(self, events: Sequence[Event]) -> None:
        super().publish(events)
        if events and events[0].topic == FiguresExtracted.topic and self.failures < self._wanted:
            self.failures += 1
            raise TransientError("no acknowledgement came")


def test_a_publication_without_acknowledgement_is_repeated() -> None:
    bus = Flaky(failures=2)
    bus.publish(events(3))
    handler = Doubling()
    assert Loop(bus, handler, QUICK).drain() == 3
    assert len(handler.seen) == 3, "publishing again does not handle again"
    assert len(ids(bus)) == 3


def test_a_bus_that_stays_away_stops_the_loop_and_buries_nothing() -> None:
    bus = Flaky(failures=1000)
    bus.publish(events(3))
    with pytest.raises(TransientError, match="no acknowledgement"):
        Loop(bus, Doubling(), QUICK).drain()
    assert list(bus.read(f"{TOPIC}.dlq")) == []
    bus._wanted = 0
    assert Loop(bus, Doubling(), QUICK).drain() == 3


class Unsteady(MemoryBus):
    """Its consumers fail every other commit and count heartbeats."""

    heartbeats = 0

    def consumer(self, topics: Sequence[str], group: str) -> MemoryConsumer:
        outer = self

        class Member(MemoryConsumer):
            commits = 0

            def commit(self, deliveries: Sequence[Delivery]) -> None:
                Member.commits += 1
                if Member.commits % 2:
                    raise TransientError("coordinator moved")
                super().commit(deliveries)

            def heartbeat(self) -> None:
                outer.heartbeats += 1

        member = Member(self, tuple(topics), group)
        self._members.setdefault(group, []).append(member)
        self._rebalance(group)
        return member


def test_a_failed_commit_is_repeated_and_long_work_is_accompanied_by_heartbeats() -> None:
    bus = Unsteady()
    bus.publish(events(3))
    slow = Doubling(lambda _: time.sleep(0.2))
    assert Loop(bus, slow, LoopSettings(heartbeat_s=0.02, backoff_s=0.0)).drain() == 3
    assert Loop(bus, slow, QUICK).drain() == 0
    assert bus.heartbeats >= 3


def test_a_lag_that_cannot_be_measured_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bus, failures = MemoryBus(), iter([True, True, True])
    measure = MemoryConsumer.lag

    def lag(self: MemoryConsumer) -> int:
        if next(failures, False):
            raise TransientError("no answer in time")
        return measure(self)

    monkeypatch.setattr(MemoryConsumer, "lag", lag)
    bus.publish(events(3))
    settings = LoopSettings(lag_s=0.0, commit_s=0.0, backoff_s=0.0)
    measured: list[int] = []
    assert Loop(bus, Doubling(), settings, lag=measured.append).drain() == 3


def test_lag_is_measured_while_serving(bus: MemoryBus | SqliteBus) -> None:
    bus.publish(events(5))
    seen: list[int] = []
    Loop(bus, Doubling(), LoopSettings(lag_s=0.0, commit_s=0.0), lag=seen.append).drain()
    assert seen
    assert seen == sorted(seen, reverse=True)


def test_buses_and_consumers_fit_their_protocols(bus: MemoryBus | SqliteBus) -> None:
    typed: Bus = bus
    consumer: Consumer = typed.consumer([TOPIC], "g")
    consumer.close()
    typed.close()
