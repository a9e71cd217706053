"""Faults on real Kafka and real MinIO: after each, the audit is clean and the dataset is the undisturbed run's.

A short form runs with the other tests; `make chaos` sets JOURNALCLIP_CHAOS_SEEDS and runs every point with every seed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from journalclip_devtools.faults.chain import undisturbed
from journalclip_devtools.faults.cluster import Cluster, cpu_share, wait_until
from journalclip_devtools.faults.faulty_proxy import unwell
from journalclip_devtools.faults.settle import PATIENCE_S, proven, reordered, settings_for
from journalclip_devtools.servers import build, kafka, minio, toxiproxy
from journalclip_pipelines.operations.repair import rebuild, replay
from journalclip_shared.bus import Record, dead_letter_topic
from journalclip_shared.errors import TransientError
from journalclip_shared.events import ArticleSubmitted, Event, FiguresExtracted, PairsStructured, encode
from journalclip_shared.history import facts_of
from journalclip_shared.settings import KafkaSettings, S3Settings

SEEDS = int(os.environ.get("JOURNALCLIP_CHAOS_SEEDS", "0"))
# A mark stands above the command line's --timeout, so it must know which of the two forms is run.
pytestmark = [pytest.mark.servers, pytest.mark.timeout(14400 if SEEDS else 900)]
# Ten times 250 articles make windows of 1,000 events; short of time, ten in one window.
ARTICLES, WINDOW = (250, 1000) if SEEDS else (10, 1000)
GOOD_BESIDE_POISON = int(os.environ.get("JOURNALCLIP_CHAOS_EVENTS", "200"))
# These wait for back-off and for servers to come back: minutes each on two busy cores, too long for `make test`.
slow_fault = pytest.mark.skipif(not SEEDS, reason="takes minutes on two cores; `make chaos` runs it")
# One point of each kind where time is short: before and after each thing that becomes durable.
SHORT = [("extraction", "artifacts.after-manifest"), ("structuring", "consume.after-publish"),
         ("freezing", "consume.after-handle"), ("training", "artifacts.before-manifest"),
         ("promotion", "consume.before-commit")]  # fmt: skip


@pytest.fixture
def cluster(kafka_settings: KafkaSettings, s3_settings: S3Settings, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(settings_for(kafka_settings, s3_settings, tmp_path / "work"), tmp_path)
    yield made
    made.close()


def test_an_undisturbed_run_and_a_sigterm_under_load(cluster: Cluster) -> None:
    cluster.start_all()
    cluster.wait_serving(PATIENCE_S)
    cluster.submit(range(10), quarantined=frozenset({4}))
    wait_until(lambda: any(facts_of(cluster.bus, FiguresExtracted)), PATIENCE_S)
    assert set(cluster.stop().values()) == {0}, cluster.logs()
    cluster.start_all()
    proven(cluster, range(10), quarantined=frozenset({4}))


def test_every_service_killed_at_a_fail_point(cluster: Cluster) -> None:
    cluster.submit(range(8))
    for stage, point in SHORT:
        killed = cluster.run(stage, PATIENCE_S, DRAIN="1", FAIL_POINTS=f"{point}=kill")
        assert killed == -signal.SIGKILL, cluster.logs()
        assert cluster.run(stage, PATIENCE_S, DRAIN="1") == 0, cluster.logs()
    cluster.start_all()
    proven(cluster, range(8))


def test_a_handler_longer_than_the_poll_interval_keeps_its_work(cluster: Cluster) -> None:
    cluster.submit(range(2))
    # On a busy machine a thread may stand still for seconds: the interval is longer than that, the work longer yet.
    interval_s = 3.0 * cpu_share()
    changed = {"max_poll_interval_s": interval_s, "session_timeout_s": 60.0}
    slow = {"KAFKA": cluster.settings.kafka.model_copy(update=changed).model_dump_json()}
    work = f"consume.before-handle=sleep:{2.5 * interval_s:.0f}"
    assert cluster.run("extraction", PATIENCE_S, DRAIN="1", FAIL_POINTS=work, **slow) == 0, cluster.logs()
    assert len(list(facts_of(cluster.bus, FiguresExtracted))) == 2, "a lost partition would have handled it twice"
    cluster.start_all()
    proven(cluster, range(2))


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_every_event_delivered_again_and_in_reordered_windows(cluster: Cluster, times: int) -> None:
    cluster.submit(range(ARTICLES))
    rng = random.Random(times)
    for stage, topic in (("extraction", ArticleSubmitted), ("structuring", FiguresExtracted),
                         ("freezing", PairsStructured)):  # fmt: skip
        again = [Record(each.topic, each.key, each.headers, each.body) for each in cluster.bus.read(topic.topic)]
        cluster.bus.publish_raw(reordered(again * (times - 1), WINDOW, rng))
        assert cluster.run(stage, PATIENCE_S * ARTICLES / 10, DRAIN="1") == 0, cluster.logs()
    cluster.start_all()
    proven(cluster, range(ARTICLES))


def poison(rng: random.Random) -> list[Record]:
    """Twelve kinds of what is no event, or is one that lies."""
    headers, body = encode(Event(next(iter(_facts())), "poison"))
    good = dict(headers)
    topic = ArticleSubmitted.topic

    def with_(**changes: bytes) -> tuple[tuple[str, bytes], ...]:
        return tuple({**good, **changes}.items())

    junk = rng.randbytes(40)
    return [
        Record(topic, "p1", (), b""),
        Record(topic, "p2", (), junk),
        Record(topic, "p3", headers, b""),
        Record(topic, "p4", headers, body[: len(body) // 2]),
        Record(topic, "p5", headers, b"[" * 50_000),
        Record(topic, "p6", with_(ce_type=b"articles.submitted.v99"), body),
        Record(topic, "p7", with_(ce_type=b"\xff\xfe"), body),
        Record(topic, "p8", with_(ce_specversion=b"0.1"), body),
        Record(topic, "p9", with_(ce_time=b"noon"), body),
        Record(topic, "p10", headers, b'{"article_id": 1e999, "pdf": null, "name": []}'),
        Record(topic, "", with_(ce_type=b"figures.extracted.v1"), body),
        Record(topic, "p12", headers, body),  # decodes, but its bytes are nowhere
    ]


def _facts() -> Iterator[ArticleSubmitted]:
    from journalclip_shared.testing.facts import submitted

    yield submitted(123_456)


@slow_fault
def test_poison_among_good_events(cluster: Cluster) -> None:
    rng = random.Random(12)
    cluster.submit(range(6))
    good = [Record(each.topic, each.key, each.headers, each.body) for each in cluster.bus.read(ArticleSubmitted.topic)]
    mixed = [rng.choice(good) for _ in range(GOOD_BESIDE_POISON)]
    for bad in poison(rng):
        mixed.insert(rng.randrange(len(mixed)), bad)
    cluster.bus.publish_raw(mixed)
    cluster.start_all()
    deadline = time.monotonic() + PATIENCE_S + GOOD_BESIDE_POISON / 10
    while len(list(cluster.bus.read(f"{ArticleSubmitted.topic}.dlq"))) < 12 and time.monotonic() < deadline:
        cluster.keep_alive()
        time.sleep(0.5)
    assert len(list(cluster.bus.read(f"{ArticleSubmitted.topic}.dlq"))) == 12, cluster.logs()
    # The twelfth kind announces an article that was never stored: the audit must say so, and nothing else.
    found = cluster.settle(PATIENCE_S + GOOD_BESIDE_POISON / 10, expected={"submission-unrecorded"})
    assert {each.code for each in found.violations} == {"submission-unrecorded"}, cluster.logs()
    assert cluster.final_dataset() == undisturbed(cluster.folder / "undisturbed", range(6))


@slow_fault
def test_the_broker_killed_frozen_and_restarted_in_mid_stream(cache: Path, s3_settings: S3Settings,
                                                              tmp_path: Path) -> None:  # fmt: skip
    if (said := build.missing("kafka", cache)) is not None:
        pytest.skip(said)
    server, reached = kafka.start(tmp_path / "kafka", cache)
    cluster = Cluster(settings_for(reached, s3_settings, tmp_path / "work"), tmp_path)
    try:
        cluster.start_all()
        cluster.submit(range(6))
        time.sleep(1.0)
        server.kill()
        time.sleep(2.0)
        server.start()
        cluster.submit(range(6, 9))
        server.freeze()
        time.sleep(4.0)
        server.thaw()
        cluster.submit(range(9, 12))
        proven(cluster, range(12))
    finally:
        cluster.close()
        server.stop()


@slow_fault
def test_the_object_store_down_slow_unwell_reset_and_truncated(kafka_settings: KafkaSettings, s3_settings: S3Settings,
                                                               cache: Path, tmp_path: Path) -> None:  # fmt: skip
    if (said := build.missing("toxiproxy", cache)) is not None:
        pytest.skip(said)
    server, proxy = toxiproxy.start(tmp_path / "proxy", cache, "s3", s3_settings.endpoint)
    cluster = Cluster(settings_for(kafka_settings, s3_settings, tmp_path / "work"), tmp_path)
    direct = cluster.settings
    try:
        with unwell(proxy.listen) as http:
            through = s3_settings.model_copy(update={"endpoint": http.listen, "timeout_s": 3.0})
            cluster.settings = direct.model_copy(update={"s3": through})
            faults: list[Callable[[], None]] = [
                lambda: proxy.enable(enabled=False),
                lambda: proxy.add("latency", latency=300, jitter=200),
                lambda: proxy.add("reset_peer", toxicity=0.5, timeout=20),
                lambda: proxy.add("limit_data", toxicity=0.5, bytes=300),
                lambda: http.fail(500, 0.6),
                lambda: http.fail(503, 0.6),
            ]
            cluster.start_all()
            for number, begin in enumerate(faults):
                cluster.submit(range(3 * number, 3 * number + 3))
                begin()
                time.sleep(3.0)
                proxy.heal()
                http.fail(503, 0.0)
                cluster.keep_alive()
            assert http.failed, "no request met an answer of its own"
            cluster.settle(PATIENCE_S)
            replay(cluster.bus)  # what an outage buried, once it is over
            proven(cluster, range(3 * len(faults)))
    finally:
        cluster.settings = direct
        cluster.close()
        server.stop()


def submitted(cluster: Cluster, numbers: range) -> bool:
    try:
        cluster.submit(numbers)
    except TransientError:
        return False
    return True


@slow_fault
def test_the_object_store_s_disk_full(kafka_settings: KafkaSettings, cache: Path, tmp_path: Path) -> None:
    """The disk is a small one in memory, so that the store itself meets its end."""
    for said in (build.missing("minio", cache), minio.no_small_disk()):
        if said is not None:
            pytest.skip(said)
    server, bucket = minio.start(tmp_path / "minio", cache, disk_mib=64)
    cluster = Cluster(settings_for(kafka_settings, bucket, tmp_path / "work"), tmp_path)
    try:
        cluster.submit(range(6))
        with minio.full(server):
            with pytest.raises(TransientError):
                cluster.submit(range(6, 8))
            cluster.start_all()
            wait_until(lambda: any(cluster.bus.read(dead_letter_topic(ArticleSubmitted.topic))), PATIENCE_S)
            cluster.keep_alive()
        wait_until(lambda: submitted(cluster, range(6, 8)), PATIENCE_S)  # a person tries again
        cluster.settle(PATIENCE_S)
        replay(cluster.bus)
        proven(cluster, range(8))
    finally:
        cluster.close()
        server.stop()


@slow_fault
def test_losing_kafka_entirely(cluster: Cluster) -> None:
    cluster.start_all()
    cluster.submit(range(6), quarantined=frozenset({2}))
    assert cluster.settle(PATIENCE_S).violations == [], cluster.logs()
    cluster.stop()
    fresh = cluster.settings.kafka.model_copy(update={"topic_prefix": f"{cluster.settings.kafka.topic_prefix}new."})
    again = Cluster(cluster.settings.model_copy(update={"kafka": fresh}), cluster.folder)
    try:
        counts = rebuild(again.bus, again.store, {"articles": again.registry})
        assert counts[ArticleSubmitted.topic] == 6
        assert counts[PairsStructured.topic] == 5
        again.start_all()
        assert again.settle(PATIENCE_S).violations == [], again.logs()
        assert again.final_dataset() == undisturbed(again.folder / "undisturbed", range(6), frozenset({2}))
    finally:
        again.close()
