"""Kafka and MinIO pass the very suites that the local bus and store pass."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.net.manager import KafkaConnectionManager
from kafka.protocol.consumer import SyncGroupRequest
from minio.commonconfig import GOVERNANCE
from minio.objectlockconfig import DAYS, ObjectLockConfig

from journalclip_devtools.faults.faulty_proxy import unwell
from journalclip_pipelines.operations.bootstrap import Report, make_topics
from journalclip_pipelines.operations.topology import Topic
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.artifacts.s3 import S3Artifacts, connect
from journalclip_shared.bus import Bus, Consumer, Delivery, dead_letter_topic
from journalclip_shared.bus.kafka import KafkaBus, KafkaConsumer
from journalclip_shared.errors import TransientError
from journalclip_shared.events import PairsStructured, encode
from journalclip_shared.settings import KafkaSettings, S3Settings
from journalclip_shared.testing.artifacts import ArtifactsContract
from journalclip_shared.testing.bus import TOPIC, BusContract, names
from journalclip_shared.testing.facts import events

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]


def make(settings: KafkaSettings, *names: str, partitions: int = 3) -> None:
    make_topics(settings, [Topic(name, partitions, "-1") for name in names], Report())


class TestKafkaBus(BusContract):
    @pytest.fixture
    def bus(self, kafka_settings: KafkaSettings) -> Iterator[Bus]:
        make(kafka_settings, TOPIC, dead_letter_topic(TOPIC), PairsStructured.topic)
        bus = KafkaBus(kafka_settings)
        yield bus
        bus.close()

    def test_the_whole_topic_can_be_read_outside_any_group(self, bus: Bus) -> None:
        assert isinstance(bus, KafkaBus)
        bus.publish(events(25))
        assert sorted(names(list(bus.read(TOPIC)))) == sorted(f"issue-{n}.pdf" for n in range(25))
        assert list(bus.read(PairsStructured.topic)) == []

    def test_a_topic_that_is_not_there_is_said_and_may_come(self, bus: Bus) -> None:
        with pytest.raises(TransientError, match="no topic"):
            bus.consumer(["never.made.v1"], "g")

    def test_markers_of_transactions_are_no_lag(self, bus: Bus, group: str, kafka_settings: KafkaSettings) -> None:
        """A marker has an offset and is no record: a drain that waits for lag 0 would never end."""
        producer = KafkaProducer(bootstrap_servers=kafka_settings.servers, transactional_id=f"{group}-foreign")
        producer.init_transactions()
        for event in events(4):
            producer.begin_transaction()
            headers, body = encode(event)
            topic = kafka_settings.topic_prefix + TOPIC
            producer.send(topic, key=event.key.encode(), value=body, headers=list(headers))
            producer.commit_transaction()
        producer.close()
        consumer = bus.consumer([TOPIC], group)
        found = poll_all(consumer, 4)
        assert consumer.lag(), "nothing is committed yet"
        consumer.commit(found)
        drain(consumer)
        consumer.close()
        again = bus.consumer([TOPIC], group)
        drain(again)
        again.close()

    def test_a_rebalance_that_outlasts_its_call_is_finished(
        self, bus: Bus, group: str, kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """New partitions make the group join again, and the answer comes after the polls that asked for it."""
        consumer = bus.consumer([TOPIC], group)
        assert isinstance(consumer, KafkaConsumer)
        wait_for(lambda: owned(consumer) == 3, consumer)
        monkeypatch.setattr(KafkaConnectionManager, "send", late_answers(SyncGroupRequest, 0.5))
        admin = KafkaAdminClient(bootstrap_servers=kafka_settings.servers)
        admin.create_partitions({kafka_settings.topic_prefix + TOPIC: 5})
        admin.close()
        consumer._client._cluster.request_update()  # it would look for new partitions within a minute
        wait_for(lambda: owned(consumer) == 5 and consumer.lag() == 0, consumer)
        consumer.close()


def poll_all(consumer: Consumer, count: int) -> list[Delivery]:
    found, deadline = list[Delivery](), time.monotonic() + 400
    while len(found) < count:
        assert time.monotonic() < deadline
        found += consumer.poll(0.5, 10)
    return found


def drain(consumer: Consumer) -> None:
    """As a service with ``drain`` does: until nothing comes and nothing is left."""
    deadline = time.monotonic() + 60
    while consumer.poll(0.5, 10) or consumer.lag() != 0:
        assert time.monotonic() < deadline, f"lag stays at {consumer.lag()}"


def owned(consumer: KafkaConsumer) -> int:
    return len(consumer._client.assignment())


def wait_for(done: Callable[[], bool], consumer: Consumer) -> None:
    deadline = time.monotonic() + 400
    while not done():
        assert time.monotonic() < deadline
        consumer.heartbeat()


def late_answers(kind: type, seconds: float) -> Callable[..., Any]:
    """kafka-python's `send` whose answers to requests of ``kind`` come late, as from a busy broker."""
    prompt = KafkaConnectionManager.send

    def send(self: Any, request: object, *args: object, **options: object) -> Any:
        answer = prompt(self, request, *args, **options)
        if not isinstance(request, kind):
            return answer

        async def late() -> object:
            found = await answer
            await self._net.sleep(seconds)
            return found

        return self.call_soon(late)

    return send


class TestS3Artifacts(ArtifactsContract):
    @pytest.fixture
    def store(self, s3_settings: S3Settings) -> ArtifactStore:
        self.settings = s3_settings
        return S3Artifacts(s3_settings)

    def damage(self, store: ArtifactStore, ref: ArtifactRef, data: bytes) -> None:
        bucket = self.settings.bucket_prefix + ref.bucket
        connect(self.settings).put_object(bucket, ref.key, io.BytesIO(data), len(data))

    def test_a_bucket_with_object_lock_takes_objects_of_every_way_in(
        self, s3_settings: S3Settings, tmp_path: Path
    ) -> None:
        """Such a bucket refuses a PUT without a checksum, and keeps every version."""
        locked = s3_settings.model_copy(update={"bucket_prefix": f"{s3_settings.bucket_prefix}locked-"})
        client = connect(locked)
        for bucket in ("figures", "datasets"):
            client.make_bucket(locked.bucket_prefix + bucket, object_lock=True)
            keep = ObjectLockConfig(GOVERNANCE, 1, DAYS)
            client.set_object_lock_config(locked.bucket_prefix + bucket, keep)
        store = S3Artifacts(locked)
        source = tmp_path / "picture.png"
        source.write_bytes(b"of a file")
        for ref in (store.put("figures", b"bytes", "image/png"), store.put_file("figures", source, "image/png")):
            assert store.get(ref) in (b"bytes", b"of a file")
        assert store.put_manifest("datasets", "frozen/locked", b"{}") == store.find_manifest(
            "datasets", "frozen/locked"
        )
        with pytest.raises(ManifestConflict):
            store.put_manifest("datasets", "frozen/locked", b"[]")

    def test_a_store_that_knows_no_conditions_is_asked_once(self, s3_settings: S3Settings) -> None:
        """Write-once is then kept by looking first and comparing after."""
        store = S3Artifacts(s3_settings)
        with unwell(s3_settings.endpoint) as proxy:
            proxy.unknown_header = "If-None-Match"
            through = S3Artifacts(s3_settings.model_copy(update={"endpoint": proxy.listen}))
            for number in range(3):
                ref = through.put_manifest("datasets", f"frozen/plain-{number}", b"{}")
                assert store.find_manifest("datasets", f"frozen/plain-{number}") == ref
            assert proxy.failed == 1
            with pytest.raises(ManifestConflict):
                through.put_manifest("datasets", "frozen/plain-0", b"[]")
