"""An error is charged to whom it belongs: the input, this installation, or the world."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.atomic import write_atomically
from journalclip_shared.bus import Delivery
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import BODY_REFERENCE, MAX_LETTER, HandlerStuck, Loop, LoopSettings
from journalclip_shared.crashes import CrashCounter
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.events import ArticleSubmitted, SourceQuarantined
from journalclip_shared.repeat import repeated
from journalclip_shared.settings import Settings
from journalclip_shared.testing.bus import TOPIC
from journalclip_shared.testing.consume import QUICK, Doubling, ids, said
from journalclip_shared.testing.facts import events, submitted
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus
from journalclip_shared.wiring import serve


def letters(bus: MemoryBus | SqliteBus) -> list[Delivery]:
    return list(bus.read(f"{TOPIC}.dlq"))


def test_a_wrong_right_ends_the_loop_and_dead_letters_nothing() -> None:
    bus, denied = MemoryBus(), True

    def act(fact: ArticleSubmitted) -> None:
        if denied:
            raise ConfigurationError("s3-denied", "the key was rotated", "Check JOURNALCLIP_S3__SECRET_KEY_FILE.")

    bus.publish(events(500))
    with pytest.raises(ConfigurationError, match="rotated"):
        Loop(bus, Doubling(act), QUICK).drain()
    assert letters(bus) == []
    denied = False
    Loop(bus, Doubling(act), QUICK).drain()
    assert len(ids(bus)) == 500


def test_a_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    bus, away, waits = MemoryBus(), iter(range(40)), list[tuple[str, float]]()

    def act(fact: ArticleSubmitted) -> None:
        if next(away, None) is not None:
            raise TransientError("no route to host", "store")

    loop = Loop(bus, Doubling(act), QUICK, probes={"store": lambda: False})
    loop.observer.waiting = lambda dependency, seconds: waits.append((dependency, seconds))  # type: ignore[method-assign]
    bus.publish(events(8))
    assert loop.drain() == 8
    assert len(ids(bus)) == 8
    assert letters(bus) == []
    assert {dependency for dependency, _ in waits} == {"store"}
    assert len(waits) == 40


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_object_that_always_times_out_is_parked_and_the_others_go_on(concurrency: int) -> None:
    bus = MemoryBus()

    def act(fact: ArticleSubmitted) -> None:
        if fact.name == "issue-3.pdf":
            raise TransientError("timed out", "store")

    bus.publish(events(12))
    settings = LoopSettings(concurrency=concurrency, backoff_s=0.0, heartbeat_s=0.02)
    assert Loop(bus, Doubling(act), settings, probes={"store": lambda: True}).drain() == 12
    assert len(ids(bus)) == 11
    (fact,) = said(bus, SourceQuarantined)
    assert isinstance(fact, SourceQuarantined)
    assert (fact.code, fact.source_id) == ("retries-exhausted", submitted(3).article_id)
    assert "timed out" in fact.reason


def test_others_that_succeed_are_proof_enough_where_nothing_can_be_asked() -> None:
    bus = MemoryBus()

    def act(fact: ArticleSubmitted) -> None:
        if fact.name == "issue-0.pdf":
            raise TransientError("timed out", "registry")

    bus.publish(events(20))
    Loop(bus, Doubling(act), LoopSettings(concurrency=2, backoff_s=0.001, heartbeat_s=0.02)).drain()
    assert len(ids(bus)) == 19
    assert len(letters(bus)) == 1


def test_a_full_disk_is_nobodys_fault_whatever_else_succeeds() -> None:
    bus, full = MemoryBus(), iter(range(30))

    def act(fact: ArticleSubmitted) -> None:
        if fact.name == "issue-1.pdf" and next(full, None) is not None:
            raise TransientError("no space left on device", "store", certain=True)

    bus.publish(events(10))
    settings = LoopSettings(concurrency=2, backoff_s=0.0, heartbeat_s=0.02)
    Loop(bus, Doubling(act), settings, probes={"store": lambda: True}).drain()
    assert (len(ids(bus)), letters(bus)) == (10, [])


def test_a_drain_does_not_wait_for_ever() -> None:
    bus = MemoryBus()

    def act(fact: ArticleSubmitted) -> None:
        raise TransientError("away", "store")

    bus.publish(events(2))
    settings = LoopSettings(attempts=2, backoff_s=0.0, drain_wait_s=0.0)
    with pytest.raises(TransientError, match="away"):
        Loop(bus, Doubling(act), settings, probes={"store": lambda: False}).drain()
    assert letters(bus) == []


def test_stopping_does_not_wait_for_a_dependency() -> None:
    bus, stop = MemoryBus(), threading.Event()

    def act(fact: ArticleSubmitted) -> None:
        stop.set()
        raise TransientError("away", "store")

    bus.publish(events(1))
    Loop(bus, Doubling(act), LoopSettings(backoff_s=3600.0), probes={"store": lambda: False}).run(stop)
    assert (said(bus), letters(bus)) == ([], [])


class Killed(BaseException):
    """Stands for the death of the process."""


def die(fact: ArticleSubmitted) -> None:
    if fact.name == "issue-2.pdf":
        raise Killed


@pytest.mark.parametrize("limit", [1, 3])
def test_a_record_that_kills_its_handler_is_parked(tmp_path: Path, limit: int) -> None:
    bus, deaths = MemoryBus(), 0
    bus.publish(events(6))
    for _ in range(10):
        counter = CrashCounter(tmp_path, "g", limit)
        try:
            Loop(bus, Doubling(die), QUICK, crashes=counter).drain()
            break
        except Killed:
            counter.abandon()
            deaths += 1
    assert deaths == limit
    (fact,) = said(bus, SourceQuarantined)
    assert isinstance(fact, SourceQuarantined)
    assert fact.code == "handler-crashed"
    assert ids(bus) == {submitted(n).article_id for n in range(6) if n != 2}
    assert not CrashCounter(tmp_path, "g", limit).killed(letters(bus)[0]), "its count is gone with it"


def test_what_a_living_process_has_in_hand_is_no_death(tmp_path: Path) -> None:
    delivery = Delivery(TOPIC, 0, 7, "k", (), b"")
    living = CrashCounter(tmp_path, "g", 1)
    living.begin(0, delivery)
    assert not CrashCounter(tmp_path, "g", 1).killed(delivery)
    living.abandon()
    assert CrashCounter(tmp_path, "g", 1).killed(delivery) == 1


def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    bus = MemoryBus()
    bus.publish(events(3))
    for _ in range(5):
        with pytest.raises(Killed):
            Loop(bus, Doubling(die), QUICK, crashes=CrashCounter(tmp_path, "g", 0)).drain()
    assert list(tmp_path.iterdir()) == []


def test_a_clean_end_counts_no_death(tmp_path: Path) -> None:
    bus = MemoryBus()
    for _ in range(4):
        bus.publish(events(3))
        Loop(bus, Doubling(), QUICK, crashes=CrashCounter(tmp_path, "g", 1)).drain()
    assert letters(bus) == []


def test_a_torn_count_is_no_obstacle(tmp_path: Path) -> None:
    CrashCounter(tmp_path, "g", 2)
    (tmp_path / "g.counts.json").write_text("{")
    assert CrashCounter(tmp_path, "g", 2).killed(Delivery(TOPIC, 0, 0, "k", (), b"")) == 0


def test_a_handler_that_never_returns_ends_the_process() -> None:
    bus, release, told = MemoryBus(), threading.Event(), list[HandlerStuck]()

    def stuck(error: HandlerStuck) -> None:
        told.append(error)
        release.set()  # a test cannot end its process; here the handler returns instead

    bus.publish(events(1))
    settings = LoopSettings(handler_limit_s=0.01, heartbeat_s=0.01)

    def act(fact: ArticleSubmitted) -> None:
        release.wait(300)

    Loop(bus, Doubling(act), settings, stuck=stuck).drain()
    assert "has been handled for" in str(told[0])


def test_a_dead_letter_that_is_too_large_is_stored_by_reference() -> None:
    from journalclip_shared.artifacts import ArtifactRef
    from journalclip_shared.bus import Record

    bus, store, body = MemoryBus(), MemoryArtifacts(), b"x" * (MAX_LETTER + 1)
    bus.publish_raw([Record(TOPIC, "big", (), body), Record(TOPIC, "small", (), b"{")])
    Loop(bus, Doubling(), QUICK, spill=lambda data: store.put("quarantine", data, "application/octet-stream")).drain()
    big, small = sorted(letters(bus), key=lambda each: each.key)
    assert (big.body, small.body) == (b"", b"{")
    assert store.get(ArtifactRef.model_validate_json(dict(big.headers)[BODY_REFERENCE])) == body
    assert BODY_REFERENCE not in dict(small.headers)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_file_is_written_whole(tmp_path_factory: pytest.TempPathFactory, first: bytes, second: bytes) -> None:
    path = tmp_path_factory.mktemp("atomic") / "a" / "file"
    for data in (first, second):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def waited(done: Callable[[], bool]) -> bool:
    while not done():
        time.sleep(0.005)
    return True


@pytest.mark.parametrize("error", [TransientError("away"), PermanentError("x", "y"), OSError(28, "No space left")])
def test_repeated_work_outlives_errors_of_the_world(error: Exception) -> None:
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        raise error

    with repeated(act, 0.001, failed=lambda _: calls.clear()):
        assert waited(lambda: len(calls) > 3)


def test_a_background_thread_never_dies_alone() -> None:
    failed: list[BaseException] = []
    with repeated(lambda: 1 / 0, 0.001, failed=failed.append):
        assert waited(lambda: bool(failed))
    assert isinstance(failed[0], ZeroDivisionError)


def test_and_by_default_takes_the_process_with_it() -> None:
    code = (
        "import time\nfrom journalclip_shared.repeat import repeated\nwith repeated(lambda: 1 / 0, 1): time.sleep(600)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert found.returncode == os.EX_SOFTWARE
    assert "ZeroDivisionError" in found.stderr


def test_a_service_with_a_wrong_right_ends_and_keeps_the_stores_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(workdir=tmp_path, drain=True)
    bus = SqliteBus(tmp_path / "events.db")
    bus.publish(events(3))

    def act(fact: ArticleSubmitted) -> None:
        raise ConfigurationError("s3-denied", "InvalidAccessKeyId: no such key", "Check the key.")

    assert serve(settings, lambda _store, _bus: Doubling(act)) == 1
    assert letters(bus) == []
    assert list((tmp_path / "in-hand").glob("*.counts.json")) == []
