"""Kafka as bus, on kafka-python: acknowledged writes, manual commits, membership kept by pause and poll.

Writes are idempotent and acknowledged by all in-sync replicas before `publish` returns. A commit never waits on a
rebalance: where the partition has gone to another member the commit is refused or left out, the deliveries come again
there, and that is what at least once means. Kafka transactions are not relied on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaConsumer as _KafkaConsumer
from kafka import KafkaProducer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    SaslAuthenticationFailedError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from journalclip_shared.bus import Delivery, Record
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import Event, Headers, encode
from journalclip_shared.settings import KafkaSettings

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

_JOIN_S = 20.0  # a rebalance waits for the slowest member's heartbeat; a first poll must not give up before
_STALE = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


class KafkaBus:
    """`Bus` on a Kafka cluster. Topics are made by `journalclip bootstrap`, not here."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def publish(self, events: Sequence[Event]) -> None:
        self.publish_raw([Record(event.topic, event.key, *encode(event)) for event in events])

    def publish_raw(self, records: Sequence[Record]) -> None:
        if not records:
            return
        timeout_s = self._settings.request_timeout_s
        with _reached():
            if self._producer is None:  # a reader needs none
                self._producer = KafkaProducer(
                    **client_options(self._settings), linger_ms=5, max_block_ms=int(timeout_s * 1000)
                )
            sent = [
                self._producer.send(
                    self._settings.topic_prefix + each.topic,
                    key=each.key.encode(),
                    value=each.body,
                    headers=list(each.headers),
                )
                for each in records
            ]
            self._producer.flush(timeout=timeout_s)
            for future in sent:
                future.get(timeout=timeout_s)

    def consumer(self, topics: Sequence[str], group: str) -> KafkaConsumer:
        return KafkaConsumer(self._settings, tuple(topics), group)

    def read(self, topic: str) -> Iterator[Delivery]:
        """The topic as it is now, from its beginning, outside any group."""
        prefix = self._settings.topic_prefix
        with _reached():
            reader = _KafkaConsumer(**client_options(self._settings), enable_auto_commit=False)
        try:
            with _reached():
                name = prefix + topic
                places = [TopicPartition(name, each) for each in sorted(reader.partitions_for_topic(name) or ())]
                ends: Mapping[TopicPartition, int] = {}
                if places:  # a topic that was never made holds nothing
                    reader.assign(places)
                    reader.seek_to_beginning()
                    ends = reader.end_offsets(places)
            while any(reader.position(place) < end for place, end in ends.items()):
                with _reached():
                    polled = reader.poll(timeout_ms=1000)
                for place, records in polled.items():
                    yield from (_delivery(record, prefix) for record in records if record.offset < ends[place])
        finally:
            reader.close()

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=self._settings.request_timeout_s)
            self._producer = None


class KafkaConsumer:
    """`Consumer`: one member of a Kafka consumer group, used from one thread."""

    def __init__(self, settings: KafkaSettings, topics: tuple[str, ...], group: str) -> None:
        with _reached():
            self._client = _KafkaConsumer(
                **client_options(settings),
                group_id=settings.topic_prefix + group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
                session_timeout_ms=int(settings.session_timeout_s * 1000),
                heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 5),
            )
            self._client.subscribe([settings.topic_prefix + topic for topic in topics])
        self._prefix = settings.topic_prefix
        self._commit_s = settings.request_timeout_s
        self._committed: dict[TopicPartition, int] = {}
        self._joined = False
        self._early: list[Delivery] = []

    def poll(self, timeout_s: float, max_records: int) -> list[Delivery]:
        self._join()
        if not self._early:
            with _reached():
                self._keep(self._client.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records))
        found, self._early = self._early[:max_records], self._early[max_records:]
        return found

    def heartbeat(self) -> None:
        with _reached():
            held = self._client.assignment()
            self._client.pause(*held)
            try:
                # Keeps max.poll.interval and rebalances going. A partition that is assigned in this very call is not
                # paused yet and may bring records: they are kept for the next poll.
                self._keep(self._client.poll(timeout_ms=0, max_records=1))
            finally:
                self._client.resume(*(self._client.assignment() & held))

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        held = self._client.assignment()
        offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        for delivery in deliveries:
            place = TopicPartition(self._prefix + delivery.topic, delivery.partition)
            following = delivery.offset + 1
            known = offsets[place].offset if place in offsets else self._committed.get(place, 0)
            if place in held and following > known:
                offsets[place] = OffsetAndMetadata(following, "", -1)
        if not offsets:
            return
        with _reached():
            try:
                self._client.commit(offsets, timeout_ms=int(self._commit_s * 1000))
            except _STALE:
                self._committed.clear()  # another member has them, and starts from what was committed before
                return
        self._committed.update({place: each.offset for place, each in offsets.items()})

    def lag(self) -> int:
        self._join()
        with _reached():
            held = sorted(self._client.assignment())
            ends: Mapping[TopicPartition, int] = self._client.end_offsets(held) if held else {}
            starts: Mapping[TopicPartition, int] = self._client.beginning_offsets(held) if held else {}
            done = {place: self._client.committed(place) for place in held}
        return sum(max(0, end - max(done[place] or 0, starts[place])) for place, end in ends.items())

    def close(self) -> None:
        with _reached():
            self._client.close(autocommit=False)

    def _join(self) -> None:
        """The first assignment is waited for, so that an empty poll means an empty log and not a slow group."""
        deadline = time.monotonic() + _JOIN_S
        while not self._joined and time.monotonic() < deadline:
            with _reached():
                self._keep(self._client.poll(timeout_ms=200, max_records=1))
                self._joined = bool(self._client.assignment())
        self._joined = True

    def _keep(self, polled: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        self._early += [_delivery(record, self._prefix) for records in polled.values() for record in records]


def client_options(settings: KafkaSettings) -> dict[str, object]:
    """What every kafka-python client of ours is made with. Raises `PermanentError` for an unreadable secret."""
    options: dict[str, object] = {
        "bootstrap_servers": settings.servers.split(","),
        "client_id": "journalclip",
        "security_protocol": settings.security,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "reconnect_backoff_max_ms": int(settings.reconnect_max_s * 1000),
    }
    if settings.security.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": _password(settings),
        }
    files = {"ssl_cafile": settings.ca_file, "ssl_certfile": settings.cert_file, "ssl_keyfile": settings.key_file}
    return options | {name: str(path) for name, path in files.items() if path is not None}


def _password(settings: KafkaSettings) -> str:
    if settings.password_file is None or not settings.password_file.is_file():
        raise PermanentError(
            "secret-missing", f"no Kafka password at {settings.password_file}", "Set JOURNALCLIP_KAFKA__PASSWORD_FILE."
        )
    return settings.password_file.read_text().strip()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (AuthorizationError, SaslAuthenticationFailedError) as error:
        raise PermanentError(
            "kafka-denied", f"{type(error).__name__}: {error}", "Run `journalclip bootstrap`."
        ) from error
    except IllegalStateError:
        raise  # a use after close is a bug
    except KafkaError as error:
        raise TransientError(f"Kafka: {type(error).__name__}: {error}") from error


def _delivery(record: ConsumerRecord, prefix: str) -> Delivery:
    headers: Headers = tuple((name, value or b"") for name, value in record.headers)
    # A key that is no text is foreign: it must travel on as text, in the dead letter and in the quarantine.
    key = (record.key or b"").decode("utf-8", "backslashreplace")
    topic = record.topic.removeprefix(prefix)
    return Delivery(topic, record.partition, record.offset, key, headers, record.value or b"")
