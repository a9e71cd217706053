"""Make a cluster as `topology` declares it: topics, buckets and access rights, as often as you like.

What is there and right is left alone; what differs and may be changed is changed; a topic with fewer partitions than
declared is only reported, since more of them would send a key's events elsewhere. Nothing is ever deleted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, SecurityDisabledError, TopicAlreadyExistsError
from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.error import S3Error
from minio.minioadmin import MinioAdmin
from minio.notificationconfig import NotificationConfig, PrefixFilterRule, QueueConfig, SuffixFilterRule

from journalclip_pipelines.operations.topology import (
    OBJECT_STORE,
    SERVICES,
    Service,
    Topic,
    topics,
)
from journalclip_shared.artifacts import BUCKETS
from journalclip_shared.artifacts.s3 import connect, pool, reached, read_secret
from journalclip_shared.bus.kafka import client_options
from journalclip_shared.errors import TransientError
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings

_REPLICAS = 3  # where there are as many brokers
_ROUNDS = 8192  # of SCRAM; Kafka asks for 4,096 at least
_EXACTLY = ACLResourcePatternType.LITERAL
_SHOWN_S = 120.0
_LOOK_S = 0.1  # between two looks for topics that were made a moment ago
_AGAIN_S = 5.0  # between two tries of servers that are still starting


@dataclass
class Report:
    """What was made now, what was there, what a person should look at."""

    made: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, list[str]]:
        return {"made": self.made, "found": self.found, "notes": self.notes}


@dataclass(frozen=True)
class Extras:
    """What is made besides topics and buckets, where the servers are ours alone."""

    acls: bool = False
    users: Path | None = None  # a folder with one file a service that holds its secret key
    kafka_users: Path | None = None  # the same with passwords, where no operator makes Kafka's users
    notifications: bool = False


def bootstrap_within(
    settings: Settings, extras: Extras, wait_s: float, say: Callable[[str], None], sleep: Callable[[float], object]
) -> Report:
    """`bootstrap`, again until the servers answer or ``wait_s`` are over. Raises the last `TransientError`."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return bootstrap(settings, extras)
        except TransientError as error:
            if time.monotonic() + _AGAIN_S > deadline:
                raise
            say(f"waiting: {error}")
            sleep(_AGAIN_S)


def bootstrap(settings: Settings, extras: Extras = Extras()) -> Report:
    """Make what is missing. Raises `TransientError`, `PermanentError`."""
    report = Report()
    if settings.bus == "kafka":
        make_topics(settings.kafka, topics(), report)
        if extras.kafka_users is not None:
            make_logins(settings.kafka, extras.kafka_users, report)
        if extras.acls:
            make_acls(settings.kafka, report)
    if settings.artifacts == "s3":
        make_buckets(settings.s3, report)
        if extras.users is not None:
            make_users(settings.s3, extras.users, report)
        if extras.notifications:
            announce_objects(settings.s3, report)
    return report


def make_topics(settings: KafkaSettings, wanted: list[Topic], report: Report) -> None:
    with _admin(settings) as admin:
        there = {each["name"]: each for each in admin.describe_topics()}
        brokers = len(admin.describe_cluster()["brokers"])
        for topic in wanted:
            name = settings.topic_prefix + topic.name
            if name in there:
                report.found.append(f"topic {name}")
                if (count := len(there[name]["partitions"])) != topic.partitions:
                    report.notes.append(f"topic {name} has {count} partitions, declared are {topic.partitions}")
                continue
            spec = {
                "num_partitions": topic.partitions,
                "replication_factor": min(_REPLICAS, brokers),
                "configs": topic.config,
            }
            try:
                admin.create_topics({name: spec})
            except TopicAlreadyExistsError:  # another bootstrap was first
                report.found.append(f"topic {name}")
            else:
                report.made.append(f"topic {name}")
        _await_topics(admin, [settings.topic_prefix + topic.name for topic in wanted])


def _await_topics(admin: KafkaAdminClient, names: list[str]) -> None:
    """Until the broker tells clients of them: it does so a moment after it has made them, later on a busy machine.

    Raises `TransientError`.
    """
    deadline = time.monotonic() + _SHOWN_S
    while True:
        there = {each["name"] for each in admin.describe_topics() if each["partitions"]}
        if not (unseen := set(names) - there):
            return
        if time.monotonic() > deadline:
            raise TransientError(f"Kafka made {', '.join(sorted(unseen))} and does not show them")
        time.sleep(_LOOK_S)


def drop_topics(settings: KafkaSettings, names: Iterable[str]) -> None:
    """Take topics away with all they hold: for tests that share a broker, and for nothing else."""
    with _admin(settings) as admin:
        admin.delete_topics([settings.topic_prefix + name for name in names])


def make_logins(settings: KafkaSettings, folder: Path, report: Report) -> None:
    """One SCRAM login a service and one for the object store; its password is a file of that name in ``folder``.

    Raises `TransientError`, `PermanentError` ``secret-missing``.
    """
    if not settings.sasl_mechanism.startswith("SCRAM"):
        report.notes.append(f"no logins made: with {settings.sasl_mechanism} the brokers keep their own list")
        return
    mechanism = ScramMechanism[settings.sasl_mechanism.replace("-", "_")]
    names = [*(service.group for service in SERVICES), OBJECT_STORE]
    wanted = [
        UserScramCredentialUpsertion(
            name, mechanism, iterations=_ROUNDS, password=read_secret(folder / name, "kafka-users: one file a service")
        )
        for name in names
    ]
    with _admin(settings) as admin:
        refused = {name: error for name, error in admin.alter_user_scram_credentials(wanted).items() if error}
    if refused:
        raise TransientError(f"Kafka made no logins for {', '.join(sorted(refused))}: {next(iter(refused.values()))}")
    report.made.extend(f"login {name}" for name in names)


def make_acls(settings: KafkaSettings, report: Report) -> None:
    """Kafka ACLs, one principal a service, named as its group."""
    services = [acl for each in SERVICES for acl in service_acls(each, settings.topic_prefix)]
    wanted = [*services, *store_acls(settings.topic_prefix)]
    with _admin(settings) as admin:
        try:
            admin.create_acls(wanted)
        except SecurityDisabledError:
            report.notes.append("the brokers have no authorizer: access rights are not enforced")
        else:
            report.made.append(f"{len(wanted)} access rights")


def service_acls(service: Service, prefix: str = "") -> list[ACL]:
    """The least that lets a service read, write and keep its place."""

    def allow(operation: ACLOperation, kind: ResourceType, name: str, match: ACLResourcePatternType = _EXACTLY) -> ACL:
        return _allow(service.group, operation, ResourcePattern(kind, prefix + name, match))

    read = [allow(ACLOperation.READ, ResourceType.TOPIC, topic) for topic in service.topics_read]
    write = [allow(ACLOperation.WRITE, ResourceType.TOPIC, topic) for topic in service.topics_written]
    groups = _EXACTLY if service.shares_work else ACLResourcePatternType.PREFIXED
    former = [service.former_group] if service.former_group else []
    places = [allow(ACLOperation.READ, ResourceType.GROUP, each, groups) for each in (service.group, *former)]
    return [*read, *write, *places]


def store_acls(prefix: str = "") -> list[ACL]:
    """An object store may say what was dropped into it, and nothing else."""
    return [_allow(OBJECT_STORE, ACLOperation.WRITE, ResourcePattern(ResourceType.TOPIC, prefix + NOTIFICATIONS))]


def _allow(user: str, operation: ACLOperation, pattern: ResourcePattern) -> ACL:
    return ACL(
        principal=f"User:{user}",
        host="*",
        operation=operation,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=pattern,
    )


def make_buckets(settings: S3Settings, report: Report) -> None:
    client = connect(settings)
    for bucket in BUCKETS:
        name = settings.bucket_prefix + bucket
        with reached(f"bucket {name}"):
            made = _make_bucket(client, name, settings.region)
        (report.made if made else report.found).append(f"bucket {name}")


def make_users(settings: S3Settings, folder: Path, report: Report) -> None:
    """One MinIO user a service, named as its group, with the least rights; its secret key is a file of that name.

    Raises `TransientError`, `PermanentError` ``secret-missing``.
    """
    admin = MinioAdmin(
        endpoint=settings.endpoint,
        credentials=StaticProvider(
            read_secret(settings.access_key_file, "ACCESS_KEY_FILE"),
            read_secret(settings.secret_key_file, "SECRET_KEY_FILE"),
        ),
        region=settings.region,
        secure=settings.tls,
        http_client=pool(settings),
    )
    for service in SERVICES:
        name, policy = service.group, f"{settings.bucket_prefix}{service.group}"
        with reached(f"user {name}"):
            admin.user_add(name, read_secret(folder / name, "users: one file a service"))
            admin.policy_add(policy, policy=json.loads(bucket_policy(service, settings.bucket_prefix)))
            admin.policy_set(policy, user=name)
        report.made.append(f"user {name}")


def announce_objects(settings: S3Settings, report: Report) -> None:
    """Have the store send created PDFs of the inbox to Kafka; a store without that target is only noted."""
    client = connect(settings)
    queue = QueueConfig(
        queue="arn:minio:sqs::PRIMARY:kafka",
        events=["s3:ObjectCreated:*"],
        config_id="journalclip",
        prefix_filter_rule=PrefixFilterRule("issues/"),
        suffix_filter_rule=SuffixFilterRule(".pdf"),
    )
    try:
        client.set_bucket_notification(
            f"{settings.bucket_prefix}articles", NotificationConfig(queue_config_list=[queue])
        )
    except S3Error as error:
        report.notes.append(f"no bucket notifications ({error.code}): the reconciler finds new objects alone")
    else:
        report.made.append("bucket notifications of the inbox")


def bucket_policy(service: Service, prefix: str = "") -> str:
    """An S3 policy document with the least that ``service`` needs; it may delete only where it erases."""

    def statement(actions: list[str], resources: list[str]) -> dict[str, object]:
        return {"Effect": "Allow", "Action": actions, "Resource": resources}

    touched = sorted({*service.reads, *service.buckets_written})
    statements = [
        statement(["s3:ListBucket", "s3:GetBucketLocation"], [f"arn:aws:s3:::{prefix}{each}" for each in touched]),
        statement(["s3:GetObject"], [f"arn:aws:s3:::{prefix}{each}/*" for each in touched]),
    ]
    if service.buckets_written:
        put = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        statements.append(statement(put, [f"arn:aws:s3:::{prefix}{each}/*" for each in service.buckets_written]))
    if service.erases:
        erase = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"]
        erased = [f"arn:aws:s3:::{prefix}{each}{part}" for each in service.erases for part in ("", "/*")]
        statements.append(statement(erase, erased))
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _make_bucket(client: Minio, name: str, region: str) -> bool:
    try:
        if client.bucket_exists(name):
            return False
        client.make_bucket(name, location=region)
    except S3Error as error:
        if error.code in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            return False
        raise TransientError(f"bucket {name}: {error.code}") from error
    return True


@contextmanager
def _admin(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    try:
        admin = KafkaAdminClient(**client_options(settings))
    except KafkaError as error:
        raise TransientError(f"Kafka at {settings.servers}: {type(error).__name__}: {error}") from error
    try:
        yield admin
    except KafkaError as error:
        raise TransientError(f"Kafka at {settings.servers}: {type(error).__name__}: {error}") from error
    finally:
        admin.close()
