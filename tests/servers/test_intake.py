"""A PDF put into the bucket is submitted by MinIO's own notification through Kafka, or found by the reconciler."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from journalclip_devtools.faults.chain import article_bytes
from journalclip_devtools.servers import build, kafka, minio
from journalclip_intake.handler import NotifiedIntake, reconcile
from journalclip_intake.inbox import INBOX, S3Inbox
from journalclip_pipelines.operations.audit import audit
from journalclip_pipelines.operations.bootstrap import Report, announce_objects, bootstrap, make_topics
from journalclip_pipelines.operations.topology import topics
from journalclip_shared.artifacts.s3 import S3Artifacts, connect
from journalclip_shared.bus.kafka import KafkaBus
from journalclip_shared.consume import Loop
from journalclip_shared.events import ArticleSubmitted
from journalclip_shared.history import facts_of
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.settings import Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def settings(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker and a store that knows it: notifications are configured when the store starts."""
    for which in ("kafka", "minio"):
        if (said := build.missing(which, cache)) is not None:
            pytest.skip(said)
    folder = tmp_path_factory.mktemp("intake")
    broker, reached = kafka.start(folder / "kafka", cache)
    make_topics(reached, [replace(topic, partitions=2) for topic in topics()], Report())
    store, bucket = minio.start(folder / "minio", cache, notify=reached, topic=NOTIFICATIONS)
    yield Settings(workdir=folder, bus="kafka", artifacts="s3", kafka=reached, s3=bucket)
    store.stop()
    broker.stop()


def drop(settings: Settings, key: str, number: int) -> None:
    data = article_bytes(number)
    connect(settings.s3).put_object("articles", key, io.BytesIO(data), len(data))


def test_a_dropped_pdf_is_noticed_and_a_lost_notification_is_made_up_for(settings: Settings) -> None:
    first = bootstrap(settings)
    assert {"bucket articles", "bucket models"} <= set(first.made)
    assert bootstrap(settings).made == [], "a second bootstrap finds everything"
    bus, store, inbox = KafkaBus(settings.kafka), S3Artifacts(settings.s3), S3Inbox(settings.s3)
    drop(settings, f"{INBOX}before notifications.pdf", 1)
    report = Report()
    announce_objects(settings.s3, report)
    assert report.notes == []
    drop(settings, f"{INBOX}notes.txt", 3)
    handler = NotifiedIntake(store, inbox)
    deadline = time.monotonic() + 400
    while not list(facts_of(bus, ArticleSubmitted)) and time.monotonic() < deadline:
        # Again and again: the store gives a broker on a starved machine five seconds, then that notification is lost.
        drop(settings, f"{INBOX}Año 1 (copy+2).pdf", 2)
        Loop(bus, handler, decode=handler.decode).drain()
    assert {fact.name for fact in facts_of(bus, ArticleSubmitted)} == {"Año 1 (copy+2).pdf"}
    assert list(bus.read(f"{NOTIFICATIONS}.dlq")) == []
    found = {fact.name for fact in reconcile(store, inbox, bus)}
    assert "before notifications.pdf" in found
    assert reconcile(store, inbox, bus) == []
    assert audit(bus, store, {}, settled=False).violations == []
    bus.close()
