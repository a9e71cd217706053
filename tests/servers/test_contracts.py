"""Kafka and MinIO pass the very suites that the local bus and store pass."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from journalclip_pipelines.bootstrap import Report, make_topics
from journalclip_pipelines.topology import Topic
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.artifacts.s3 import S3Artifacts, connect
from journalclip_shared.bus import Bus, dead_letter_topic
from journalclip_shared.bus.kafka import KafkaBus
from journalclip_shared.events import PairsStructured
from journalclip_shared.settings import KafkaSettings, S3Settings
from journalclip_shared.testing.artifacts import ArtifactsContract
from journalclip_shared.testing.bus import TOPIC, BusContract, names
from journalclip_shared.testing.facts import events

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]


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


class TestS3Artifacts(ArtifactsContract):
    @pytest.fixture
    def store(self, s3_settings: S3Settings) -> ArtifactStore:
        self.settings = s3_settings
        return S3Artifacts(s3_settings)

    def damage(self, store: ArtifactStore, ref: ArtifactRef, data: bytes) -> None:
        bucket = self.settings.bucket_prefix + ref.bucket
        connect(self.settings).put_object(bucket, ref.key, io.BytesIO(data), len(data))
