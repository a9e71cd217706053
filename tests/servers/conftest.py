"""Real servers for the whole session: started once, stopped at its end, left out with a sentence where they cannot be.

Where JOURNALCLIP_TEST_KAFKA or JOURNALCLIP_TEST_SERVERS_CACHE are set, a running broker or another cache is taken.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from journalclip_devtools.servers import build, kafka, minio
from journalclip_pipelines.operations.bootstrap import Report, make_buckets
from journalclip_shared.settings import KafkaSettings, S3Settings


@pytest.fixture(scope="session")
def cache() -> Path:
    return Path(os.environ.get("JOURNALCLIP_TEST_SERVERS_CACHE") or build.default_cache())


def available(which: str, cache: Path) -> None:
    if (said := build.missing(which, cache)) is not None:
        pytest.skip(said)


@pytest.fixture(scope="session")
def broker(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    if servers := os.environ.get("JOURNALCLIP_TEST_KAFKA"):
        yield KafkaSettings(servers=servers, reconnect_max_s=1.0)
        return
    available("kafka", cache)
    server, settings = kafka.start(tmp_path_factory.mktemp("kafka"), cache)
    yield settings
    server.stop()


@pytest.fixture
def kafka_settings(broker: KafkaSettings) -> KafkaSettings:
    """The session's broker under a prefix of this test's own."""
    return broker.model_copy(update={"topic_prefix": f"t{uuid.uuid4().hex[:8]}."})


@pytest.fixture(scope="session")
def bucket_server(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    available("minio", cache)
    server, settings = minio.start(tmp_path_factory.mktemp("minio"), cache)
    yield settings
    server.stop()


@pytest.fixture
def s3_settings(bucket_server: S3Settings) -> S3Settings:
    """The session's MinIO with buckets of this test's own."""
    settings = bucket_server.model_copy(update={"bucket_prefix": f"t{uuid.uuid4().hex[:8]}-"})
    make_buckets(settings, Report())
    return settings
