"""Passwords, TLS and least rights, asked of a real Kafka with an authorizer and of a real MinIO.

Every service logs in with the files that `bootstrap` was given, may do all that is declared for it, and is refused what
is not: other topics, other groups, other buckets, any deletion.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from minio.error import S3Error

from journalclip_devtools.servers import build, kafka
from journalclip_pipelines.operations.bootstrap import Extras, Report, bootstrap, make_acls, make_logins, make_topics
from journalclip_pipelines.operations.topology import OBJECT_STORE, SERVICES, Service, topics
from journalclip_shared.artifacts import BUCKETS, Bucket
from journalclip_shared.artifacts.s3 import connect
from journalclip_shared.bus import Record
from journalclip_shared.bus.kafka import KafkaBus
from journalclip_shared.errors import ConfigurationError, JournalclipError
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]

BY_GROUP = {service.group: service for service in SERVICES}
TOPICS = [topic.name for topic in topics()]


@pytest.fixture(scope="module")
def logins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A secret a service, each in a file of its name."""
    folder = tmp_path_factory.mktemp("logins")
    for name in (*BY_GROUP, OBJECT_STORE):
        (folder / name).write_text(secrets.token_hex(16) + "\n")
    return folder


@pytest.fixture(scope="module")
def guarded(cache: Path, logins: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """The administrator's way to a broker whose topics, logins and rights are as declared."""
    if (said := build.missing("kafka", cache)) is not None:
        pytest.skip(said)
    server, admin = kafka.start(tmp_path_factory.mktemp("guarded"), cache, guard=True)
    report = Report()
    make_topics(admin, [replace(topic, partitions=1) for topic in topics()], report)
    make_logins(admin, logins, report)
    make_acls(admin, report)
    assert report.notes == [], "no right is left out"
    yield admin
    server.stop()


def as_service(admin: KafkaSettings, name: str, password: Path) -> KafkaSettings:
    return admin.model_copy(update={"username": name, "password_file": password, "request_timeout_s": 30.0})


def refused(act: Callable[[], object]) -> bool:
    """Whether Kafka said no, rather than nothing."""
    try:
        act()
    except ConfigurationError as error:
        if error.code != "kafka-denied":
            raise
        return True
    return False


def read(bus: KafkaBus, topic: str, group: str) -> None:
    """As a service does: the history outside any group, and a place in a group."""
    list(bus.read(topic))
    consumer = bus.consumer([topic], group)
    try:
        while consumer.lag() is None:
            consumer.poll(0.1, 1)
    finally:
        consumer.close()


@pytest.mark.parametrize("group", ["extraction-articles", "inference-serve", "intake"])
def test_a_service_may_read_write_and_keep_its_place_as_declared_and_no_more(
    group: str, guarded: KafkaSettings, logins: Path
) -> None:
    service = BY_GROUP[group]
    own = group if service.shares_work else f"{group}-host-1"
    bus = KafkaBus(as_service(guarded, group, logins / group))
    read(bus, service.topics_read[0], own)
    bus.publish_raw([Record(topic, "probe", (), b"") for topic in service.topics_written])
    foreign = [topic for topic in TOPICS if topic not in {*service.topics_read, *service.topics_written}]
    assert refused(lambda: bus.publish_raw([Record(foreign[0], "probe", (), b"")]))
    assert refused(lambda: read(bus, foreign[-1], own))
    assert refused(lambda: read(bus, service.topics_read[0], "freezing"))
    bus.close()


def test_nobody_comes_in_with_a_wrong_password_or_to_a_stranger(
    guarded: KafkaSettings, logins: Path, tmp_path: Path
) -> None:
    (tmp_path / "guess").write_text("guess")
    wrong = as_service(guarded, "extraction-articles", tmp_path / "guess")
    plain = guarded.model_copy(update={"security": "PLAINTEXT"})
    stranger = guarded.model_copy(update={"ca_file": None})  # the system's authorities do not know this broker
    for settings in (wrong, plain, stranger):
        bus = KafkaBus(settings.model_copy(update={"request_timeout_s": 3.0}))
        with pytest.raises(JournalclipError):
            list(bus.read(TOPICS[0]))
    missing = guarded.model_copy(update={"password_file": tmp_path / "nowhere"})
    with pytest.raises(ConfigurationError, match="no Kafka password"):
        list(KafkaBus(missing).read(TOPICS[0]))


def granted(act: Callable[[Bucket], object]) -> set[Bucket]:
    """The buckets for which MinIO does not say no."""
    return {bucket for bucket in BUCKETS if allowed(act, bucket)}


def allowed(act: Callable[[Bucket], object], bucket: Bucket) -> bool:
    try:
        act(bucket)
    except S3Error as error:
        if error.code != "AccessDenied":
            raise
        return False
    return True


@pytest.fixture(scope="module")
def store(bucket_server: S3Settings, logins: Path, tmp_path_factory: pytest.TempPathFactory) -> S3Settings:
    """The administrator's way to buckets and users as declared."""
    settings = bucket_server.model_copy(update={"bucket_prefix": f"r{secrets.token_hex(4)}-"})
    workdir = tmp_path_factory.mktemp("rights")
    for _ in range(2):
        bootstrap(Settings(workdir=workdir, artifacts="s3", s3=settings), Extras(users=logins))
    for bucket in BUCKETS:
        connect(settings).put_object(settings.bucket_prefix + bucket, "there", io.BytesIO(b"x"), 1)
    return settings


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.group)
def test_a_service_touches_its_buckets_and_no_others(
    service: Service, store: S3Settings, logins: Path, tmp_path: Path
) -> None:
    (tmp_path / "access").write_text(service.group)
    keys = {"access_key_file": tmp_path / "access", "secret_key_file": logins / service.group}
    client, prefix = connect(store.model_copy(update=keys)), store.bucket_prefix
    touched = {*service.reads, *service.buckets_written}

    def put(bucket: Bucket) -> None:
        client.put_object(prefix + bucket, f"by-{service.group}", io.BytesIO(b"x"), 1)

    assert granted(lambda bucket: client.get_object(prefix + bucket, "there").close()) == touched
    assert granted(lambda bucket: list(client.list_objects(prefix + bucket))) == touched
    assert granted(put) == set(service.buckets_written)
    erased = granted(lambda bucket: client.remove_object(prefix + bucket, f"gone-{service.group}"))
    assert erased == set(service.erases)
    assert granted(lambda bucket: client.make_bucket(f"{prefix}{bucket}-of-its-own")) == set()
