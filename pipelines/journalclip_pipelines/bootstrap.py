"""Make a cluster as `topology` declares it: topics, buckets and access rights, as often as you like.

What is there and right is left alone; what differs and may be changed is changed; a topic with fewer partitions than
declared is only reported, since more of them would send a key's events elsewhere. Nothing is ever deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType
from kafka.errors import KafkaError, SecurityDisabledError, TopicAlreadyExistsError
from minio import Minio
from minio.error import S3Error
from minio.notificationconfig import NotificationConfig, PrefixFilterRule, QueueConfig, SuffixFilterRule

from journalclip_pipelines.topology import SERVICES, STUDY_SERVICES, Service, Topic, topics
from journalclip_shared.artifacts import BUCKETS
from journalclip_shared.artifacts.s3 import connect
from journalclip_shared.bus.kafka import client_options
from journalclip_shared.errors import TransientError
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings

_REPLICAS = 3  # where there are as many brokers


@dataclass
class Report:
    """What was made now, what was there, what a person should look at."""

    made: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, list[str]]:
        return {"made": self.made, "found": self.found, "notes": self.notes}


def bootstrap(settings: Settings, acls: bool = False) -> Report:
    """Make what is missing. Raises `TransientError`, `PermanentError`."""
    report = Report()
    if settings.bus == "kafka":
        make_topics(settings.kafka, topics(), report)
        if acls:
            make_acls(settings.kafka, report)
    if settings.artifacts == "s3":
        make_buckets(settings.s3, report)
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


def make_acls(settings: KafkaSettings, report: Report) -> None:
    """Kafka ACLs, one principal a service, named as its group."""
    wanted = [acl for service in (*SERVICES, *STUDY_SERVICES) for acl in service_acls(service, settings.topic_prefix)]
    with _admin(settings) as admin:
        try:
            admin.create_acls(wanted)
        except SecurityDisabledError:
            report.notes.append("the brokers have no authorizer: access rights are not enforced")
        else:
            report.made.append(f"{len(wanted)} access rights")


def service_acls(service: Service, prefix: str = "") -> list[ACL]:
    """The least that lets a service read, write and keep its place."""

    def allow(operation: ACLOperation, kind: ResourceType, name: str) -> ACL:
        return ACL(
            principal=f"User:{service.group}",
            host="*",
            operation=operation,
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(kind, prefix + name),
        )

    read = [allow(ACLOperation.READ, ResourceType.TOPIC, topic) for topic in service.topics_read]
    write = [allow(ACLOperation.WRITE, ResourceType.TOPIC, topic) for topic in service.topics_written]
    return [*read, *write, allow(ACLOperation.READ, ResourceType.GROUP, service.group)]


def make_buckets(settings: S3Settings, report: Report) -> None:
    client = connect(settings)
    for bucket in BUCKETS:
        name = settings.bucket_prefix + bucket
        if _make_bucket(client, name, settings.region):
            report.made.append(f"bucket {name}")
        else:
            report.found.append(f"bucket {name}")


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
    """An S3 policy document with the least that ``service`` needs; no service may delete."""

    def statement(actions: list[str], resources: list[str]) -> dict[str, object]:
        return {"Effect": "Allow", "Action": actions, "Resource": resources}

    touched = sorted({*service.reads, *service.writes})
    statements = [
        statement(["s3:ListBucket", "s3:GetBucketLocation"], [f"arn:aws:s3:::{prefix}{each}" for each in touched]),
        statement(["s3:GetObject"], [f"arn:aws:s3:::{prefix}{each}/*" for each in touched]),
    ]
    if service.writes:
        put = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        statements.append(statement(put, [f"arn:aws:s3:::{prefix}{each}/*" for each in service.writes]))
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
