"""Faults on real Kafka and real MinIO: after each, the audit is clean and the dataset is the undisturbed run's.

A short form runs with the other tests; `make chaos` sets JOURNALCLIP_CHAOS_SEEDS and runs every point with every seed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from journalclip_pipelines.backbone.audit import Audit
from journalclip_pipelines.backbone.readers import facts_of
from journalclip_pipelines.backbone.repair import rebuild, replay
from journalclip_pipelines.servers import build, kafka, toxiproxy
from journalclip_pipelines.submit import submit
from journalclip_pipelines.testing.chain import STAGES, Chain
from journalclip_pipelines.testing.cluster import Cluster, cpu_share, wait_until
from journalclip_shared import failpoints
from journalclip_shared.bus import Record
from journalclip_shared.consume import Loop
from journalclip_shared.events import ArticleSubmitted, Event, FiguresExtracted, PairsStructured, encode
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

SEEDS = int(os.environ.get("JOURNALCLIP_CHAOS_SEEDS", "0"))
GOOD_BESIDE_POISON = int(os.environ.get("JOURNALCLIP_CHAOS_EVENTS", "200"))
# These wait for back-off and for servers to come back: minutes each on two busy cores, too long for `make test`.
slow_fault = pytest.mark.skipif(not SEEDS, reason="takes minutes on two cores; `make chaos` runs it")
# One point of each kind where time is short: before and after each thing that becomes durable.
SHORT = [("extraction", "artifacts.after-manifest"), ("structuring", "consume.after-publish"),
         ("freezing", "consume.after-handle"), ("training", "artifacts.before-manifest"),
         ("promotion", "consume.before-commit")]  # fmt: skip
PATIENCE_S = 400.0  # only a failure waits so long; a busy machine may take a minute for what needs a second


def settings_for(kafka_settings: KafkaSettings, s3_settings: S3Settings, workdir: Path) -> Settings:
    quick = kafka_settings.model_copy(
        update={"session_timeout_s": min(20.0, 2.0 * cpu_share()), "request_timeout_s": 20.0}
    )
    return Settings(workdir=workdir, bus="kafka", artifacts="s3", kafka=quick, s3=s3_settings)


@pytest.fixture
def cluster(kafka_settings: KafkaSettings, s3_settings: S3Settings, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(settings_for(kafka_settings, s3_settings, tmp_path / "work"), tmp_path)
    yield made
    made.close()


def undisturbed(folder: Path, numbers: range, quarantined: frozenset[int] = frozenset()) -> str:
    """The dataset's id by the same handlers on the fakes: local mode and cluster are one system."""
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry())
    folder.mkdir()
    for number in numbers:
        figures = 0 if number in quarantined else 1 + number % 3
        submit(chain.store, chain.bus, chain.drop(folder, number, figures))
    while any(Loop(chain.bus, chain.handler(stage)).drain() for stage in STAGES[:2]):
        pass
    return chain.freezer().flush()[-1].dataset_id


def clean(found: Audit, cluster: Cluster) -> None:
    assert found.violations == [], cluster.logs()


def proven(cluster: Cluster, numbers: range, quarantined: frozenset[int] = frozenset()) -> None:
    """Settled, audited, and the same dataset as without any fault."""
    found = cluster.settle(PATIENCE_S)
    clean(found, cluster)
    assert found.articles == len(numbers)
    assert found.states["quarantined"] == len(quarantined & set(numbers))
    assert cluster.final_dataset() == undisturbed(cluster.folder / "undisturbed", numbers, quarantined)


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
        killed = cluster.start(stage, DRAIN="1", FAIL_POINTS=f"{point}=kill")
        assert killed.wait(PATIENCE_S) == -signal.SIGKILL, cluster.logs()
        assert cluster.start(stage, DRAIN="1").wait(PATIENCE_S) == 0, cluster.logs()
    cluster.start_all()
    proven(cluster, range(8))


@pytest.mark.skipif(not SEEDS, reason="every point with every seed takes an hour: `make chaos`")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("stage", STAGES)
def test_a_service_killed_at_every_point_in_turn(cluster: Cluster, stage: str, seed: int) -> None:
    rng = random.Random(seed)
    points = list(failpoints.POINTS)
    rng.shuffle(points)
    quarantined = frozenset(range(2, 60, 5))
    for number, point in enumerate(points):
        cluster.submit(range(4 * number, 4 * number + 4), quarantined)
        for before in STAGES[: STAGES.index(stage)]:
            assert cluster.start(before, DRAIN="1").wait(PATIENCE_S) == 0, cluster.logs()
        code = cluster.start(stage, DRAIN="1", FAIL_POINTS=f"{point}=kill@{rng.randint(1, 3)}").wait(PATIENCE_S)
        assert code in (0, -signal.SIGKILL), cluster.logs()
    cluster.start_all()
    proven(cluster, range(4 * len(points)), quarantined)


def test_a_handler_longer_than_the_poll_interval_keeps_its_work(cluster: Cluster) -> None:
    cluster.submit(range(2))
    slow = {"KAFKA": cluster.settings.kafka.model_copy(update={"max_poll_interval_s": 3.0}).model_dump_json()}
    worker = cluster.start("extraction", DRAIN="1", FAIL_POINTS="consume.before-handle=sleep:9", **slow)
    assert worker.wait(PATIENCE_S) == 0, cluster.logs()
    assert len(list(facts_of(cluster.bus, FiguresExtracted))) == 2, "a lost partition would have handled it twice"
    cluster.start_all()
    proven(cluster, range(2))


@pytest.mark.parametrize("times", [2, 10])
def test_every_event_delivered_again_and_out_of_order(cluster: Cluster, times: int) -> None:
    cluster.submit(range(10))
    rng = random.Random(times)
    for stage, topic in (("extraction", ArticleSubmitted), ("structuring", FiguresExtracted),
                         ("freezing", PairsStructured)):  # fmt: skip
        again = [Record(each.topic, each.key, each.headers, each.body) for each in cluster.bus.read(topic.topic)]
        again *= times - 1
        rng.shuffle(again)
        cluster.bus.publish_raw(again)
        assert cluster.start(stage, DRAIN="1").wait(PATIENCE_S) == 0, cluster.logs()
    cluster.start_all()
    proven(cluster, range(10))


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
    deadline = time.monotonic() + PATIENCE_S + GOOD_BESIDE_POISON / 50
    while len(list(cluster.bus.read(f"{ArticleSubmitted.topic}.dlq"))) < 12 and time.monotonic() < deadline:
        cluster.keep_alive()
        time.sleep(0.5)
    assert len(list(cluster.bus.read(f"{ArticleSubmitted.topic}.dlq"))) == 12, cluster.logs()
    found = cluster.settle(PATIENCE_S)
    # The twelfth kind announces an article that was never stored: the audit must say so, and nothing else.
    assert {each.code for each in found.violations} <= {"submission-unrecorded"}, cluster.logs()
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
def test_the_object_store_down_slow_reset_and_truncated(kafka_settings: KafkaSettings, s3_settings: S3Settings,
                                                        cache: Path, tmp_path: Path) -> None:  # fmt: skip
    if (said := build.missing("toxiproxy", cache)) is not None:
        pytest.skip(said)
    server, proxy = toxiproxy.start(tmp_path / "proxy", cache, "s3", s3_settings.endpoint)
    cluster = Cluster(settings_for(kafka_settings, s3_settings, tmp_path / "work"), tmp_path)
    through = s3_settings.model_copy(update={"endpoint": proxy.listen, "timeout_s": 3.0})
    proxied = cluster.settings.model_copy(update={"s3": through})
    direct, cluster.settings = cluster.settings, proxied
    try:
        cluster.start_all()
        for number, fault in enumerate(("down", "slow", "reset", "truncated")):
            cluster.submit(range(3 * number, 3 * number + 3))
            if fault == "down":
                proxy.enable(enabled=False)
            elif fault == "slow":
                proxy.add("latency", latency=300, jitter=200)
            elif fault == "reset":
                proxy.add("reset_peer", toxicity=0.5, timeout=20)
            else:
                proxy.add("limit_data", toxicity=0.5, bytes=300)
            time.sleep(3.0)
            proxy.heal()
            cluster.keep_alive()
        time.sleep(5.0)
        cluster.settle(PATIENCE_S)
        replay(cluster.bus)  # what an outage buried, once it is over
        proven(cluster, range(12))
    finally:
        cluster.settings = direct
        cluster.close()
        server.stop()


@slow_fault
def test_losing_kafka_entirely(cluster: Cluster) -> None:
    cluster.start_all()
    cluster.submit(range(6), quarantined=frozenset({2}))
    clean(cluster.settle(PATIENCE_S), cluster)
    cluster.stop()
    fresh = cluster.settings.kafka.model_copy(update={"topic_prefix": f"{cluster.settings.kafka.topic_prefix}new."})
    again = Cluster(cluster.settings.model_copy(update={"kafka": fresh}), cluster.folder)
    try:
        counts = rebuild(again.bus, again.store, again.registry)
        assert counts[ArticleSubmitted.topic] == 6
        assert counts[PairsStructured.topic] == 5
        again.start_all()
        clean(again.settle(PATIENCE_S), again)
        assert again.final_dataset() == undisturbed(again.folder / "undisturbed", range(6), frozenset({2}))
    finally:
        again.close()
