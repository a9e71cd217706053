"""Bucket notifications, in the shapes that MinIO, RustFS and Ceph send, as one event of ours.

All follow Amazon's record structure and differ in detail: MinIO and RustFS add an outer ``EventName`` and ``Key``, the
outer key plain and the inner one URL-encoded; Ceph leaves the ``s3:`` prefix out of event names and writes sizes as
text; none agrees with another on how a key is encoded. So both readings of a key are kept, and whoever opens the object
tries them in turn. A notification is a hint: what it says is looked up in the bucket, and the reconciler finds what was
never announced.
"""

from __future__ import annotations

import json
from typing import ClassVar
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from journalclip_shared.bus import Delivery
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact
from journalclip_shared.names import NOTIFICATIONS


class BadNotification(PermanentError):
    """The record is no bucket notification."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "notification-undecodable", reason, "Look at the dead letter; the reconciler finds the object all the same."
        )


class CreatedObject(BaseModel):
    """One object that was announced; ``keys`` are the ways in which its name may be meant, likeliest first."""

    model_config = ConfigDict(frozen=True)
    bucket: str
    keys: tuple[str, ...]


class ObjectsCreated(Fact):
    """Objects arrived in a bucket. Lives on the notifications topic only and is never published by us."""

    topic: ClassVar[str] = NOTIFICATIONS
    source: str
    objects: tuple[CreatedObject, ...]

    @property
    def key(self) -> str:
        return self.objects[0].keys[0] if self.objects else ""


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str


class _S3(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    source: str = Field("unknown", alias="eventSource")
    name: str = Field("", alias="eventName")
    s3: _S3


class _Notification(BaseModel):
    key: str = Field("", alias="Key")
    records: tuple[_Record, ...] = Field(alias="Records", min_length=1)


def translate(delivery: Delivery) -> Event:
    """A delivery from the notifications topic as an event. Raises `BadNotification`."""
    try:
        read = _Notification.model_validate_json(delivery.body)
    except ValidationError as error:
        raise BadNotification(f"not a bucket notification: {error.error_count()} errors") from error
    created = tuple(
        CreatedObject(bucket=each.s3.bucket.name, keys=_keys(read, each))
        for each in read.records
        if each.name.removeprefix("s3:").startswith("ObjectCreated:")
    )
    return Event(ObjectsCreated(source=read.records[0].source, objects=created), read.records[0].source)


def _keys(read: _Notification, record: _Record) -> tuple[str, ...]:
    inner = record.s3.object.key
    outer = read.key.removeprefix(f"{record.s3.bucket.name}/") if len(read.records) == 1 else ""
    return tuple(dict.fromkeys(key for key in (outer, unquote_plus(inner), inner) if key))


def example(bucket: str, key: str) -> bytes:
    """A notification as MinIO writes it, for tests and for replaying a lost one by hand."""
    from urllib.parse import quote_plus

    record = {
        "eventSource": "minio:s3",
        "eventName": "s3:ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
    }
    return json.dumps({"EventName": "s3:ObjectCreated:Put", "Key": f"{bucket}/{key}", "Records": [record]}).encode()
