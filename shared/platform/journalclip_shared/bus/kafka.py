"""Kafka as bus, on kafka-python: acknowledged writes, manual commits, membership kept by pause and poll.

Writes are idempotent and acknowledged by all in-sync replicas before `publish` returns. A commit never waits on a
rebalance: where the partition has gone to another member the commit is refused or left out, the deliveries come again
there, and that is what at least once means. Kafka transactions are not relied on.

A member joins its group inside its polls (see `rejoin`), so none of them ends in the middle of a join without need.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka import KafkaConsumer as _KafkaConsumer
from kafka.errors import (
    AuthorizationError,
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from journalclip_shared.bus import Delivery, Record
from journalclip_shared.bus.kafka_oauth import ClientCredentials
from journalclip_shared.bus.rejoin import keep_join, stable
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.events import Event, Headers, encode
from journalclip_shared.failpoints import hit
from journalclip_shared.names import FORMER_GROUPS
from journalclip_shared.settings import KafkaSettings

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

_JOIN_S = 60.0  # a rebalance waits for the slowest member's next poll; a member kept out for longer says so
_TURN_S = 2.0  # so long a call waits for a rebalance to end; no longer, so that SIGTERM is heard
_SLICE_S = 0.1  # and so often it looks
_LEAVE_S = 10.0  # leaving waits behind a join that is under way, but not past what a supervisor grants
_HEARTBEAT_S = 3.0  # a rebalance is noticed within one of these
_METADATA_S = 60.0  # new partitions are noticed within one of these
# A partition's share of one fetch: hundreds of events of ours. With the client's own 1 MiB the resident set wandered by
# a third, as buffers of every size came and went; a single larger record is still delivered.
_FETCH_BYTES = 128 * 1024
_STALE = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


class KafkaBus:
    """`Bus` on a Kafka cluster. Topics are made by `journalclip bootstrap`, not here."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None
        self._idle: list[_KafkaConsumer] = []

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
            hit("bus.before-send")
            sent = []
            for number, each in enumerate(records):
                if number == len(records) // 2:
                    hit("bus.sent-in-part")
                topic = self._settings.topic_prefix + each.topic
                sent.append(
                    self._producer.send(topic, key=each.key.encode(), value=each.body, headers=list(each.headers))
                )
            hit("bus.sent")
            self._producer.flush(timeout=timeout_s)
            for future in sent:
                future.get(timeout=timeout_s)
            hit("bus.acknowledged")

    def consumer(self, topics: Sequence[str], group: str) -> KafkaConsumer:
        if (former := FORMER_GROUPS.get(group)) is not None:
            succeed(self._settings, topics, former, group)
        return KafkaConsumer(self._settings, tuple(topics), group)

    def read(self, topic: str, places: Mapping[int, int] | None = None) -> Iterator[Delivery]:
        """See `Bus.read`. Raises `TransientError`."""
        with _reached():
            reader = self._reader()
        sound = True
        try:
            yield from self._whole(reader, topic, places or {})
        except TransientError:
            sound = False
            raise
        finally:
            if sound:
                self._idle.append(reader)
            else:
                reader.close(autocommit=False)

    def reopen(self) -> None:
        self._release(timeout_s=0.0)  # what it still holds was never acknowledged, and comes again

    def close(self) -> None:
        self._release(self._settings.request_timeout_s)

    def _release(self, timeout_s: float) -> None:
        if self._producer is not None:
            self._producer.close(timeout=timeout_s)
            self._producer = None
        while self._idle:
            self._idle.pop().close(autocommit=False)

    def _reader(self) -> _KafkaConsumer:
        """A client for one reading; opening one costs more than reading a short topic, so they are kept."""
        try:
            return self._idle.pop()
        except IndexError:
            return _KafkaConsumer(**client_options(self._settings), enable_auto_commit=False)

    def _whole(self, reader: _KafkaConsumer, topic: str, after: Mapping[int, int]) -> Iterator[Delivery]:
        name = self._settings.topic_prefix + topic
        with _reached():
            left = self._begin(reader, name, after)
            unknown = not left and not reader.partitions_for_topic(name)
        if unknown:
            _refuse_hidden(self._settings, [name])
        heard = time.monotonic()
        while left:
            with _reached():
                polled = reader.poll(timeout_ms=1000)
                if not polled:  # the last offsets may hold no records
                    left = {place: end for place, end in left.items() if (reader.position(place) or 0) < end}
            if polled:
                heard = time.monotonic()
            elif time.monotonic() - heard > self._settings.request_timeout_s:
                raise TransientError(f"Kafka: {topic} could not be read to its end", "bus")
            for place, records in polled.items():
                end = left.get(place, 0)
                yield from (_delivery(each, self._settings.topic_prefix) for each in records if each.offset < end)
                if records[-1].offset + 1 >= end:
                    left.pop(place, None)

    @staticmethod
    def _begin(reader: _KafkaConsumer, name: str, after: Mapping[int, int]) -> dict[TopicPartition, int]:
        """Set ``reader`` to where it begins; the end of each partition that holds anything from there on."""
        places = [TopicPartition(name, each) for each in sorted(reader.partitions_for_topic(name) or ())]
        if not places:  # a topic that was never made holds nothing
            return {}
        starts, ends = reader.beginning_offsets(places), reader.end_offsets(places)
        begin = {place: max(int(starts[place]), after.get(place.partition, 0)) for place in places}
        filled = [place for place in places if begin[place] < ends[place]]
        if filled:
            reader.assign(filled)
            for place in filled:
                reader.seek(place, begin[place])
        return {place: int(ends[place]) for place in filled}


def succeed(settings: KafkaSettings, topics: Sequence[str], former: str, group: str) -> None:
    """Let ``group`` begin where ``former`` stopped, in partitions where it has no place of its own yet.

    Places are committed from outside the group, which Kafka allows as long as it has no member: where another process
    of ours was first, there is nothing left to do. Raises `TransientError`.
    """
    before, after = (_places(settings, topics, each) for each in (former, group))
    missing = {place: each for place, each in before.items() if place not in after}
    if not missing:
        return
    client = _KafkaConsumer(
        **client_options(settings), group_id=settings.topic_prefix + group, enable_auto_commit=False
    )
    try:
        with _reached():
            client.assign(list(missing))
            client.commit({place: OffsetAndMetadata(offset, "", -1) for place, offset in missing.items()})
    except _STALE:
        return
    finally:
        client.close(autocommit=False)


def _places(settings: KafkaSettings, topics: Sequence[str], group: str) -> dict[TopicPartition, int]:
    """What a group has committed in these topics."""
    with _reached():
        client = _KafkaConsumer(
            **client_options(settings), group_id=settings.topic_prefix + group, enable_auto_commit=False
        )
        try:
            places = [
                TopicPartition(name, each)
                for name in (settings.topic_prefix + topic for topic in topics)
                for each in sorted(client.partitions_for_topic(name) or ())
            ]
            wait_ms = int(settings.request_timeout_s * 1000)
            found = {place: client.committed(place, timeout_ms=wait_ms) for place in places}
        finally:
            client.close(autocommit=False)
    return {place: int(offset) for place, offset in found.items() if offset is not None}


class KafkaConsumer:
    """`Consumer`: one member of a Kafka consumer group, used from one thread."""

    def __init__(self, settings: KafkaSettings, topics: tuple[str, ...], group: str) -> None:
        names = [settings.topic_prefix + topic for topic in topics]
        heartbeat_s = min(_HEARTBEAT_S, settings.session_timeout_s / 5)
        with _reached():
            self._client = _KafkaConsumer(
                **client_options(settings),
                group_id=settings.topic_prefix + group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
                session_timeout_ms=int(settings.session_timeout_s * 1000),
                heartbeat_interval_ms=int(heartbeat_s * 1000),
                metadata_max_age_ms=int(_METADATA_S * 1000),
                max_partition_fetch_bytes=_FETCH_BYTES,
            )
            self._client.subscribe(names)
            # Known before the group is joined: a leader that has no metadata yet assigns nothing, and all join twice.
            unknown = [name for name in names if not self._client.partitions_for_topic(name)]
        if unknown:
            self._client.close(autocommit=False)
            _refuse_hidden(settings, unknown)
            raise TransientError(
                f"Kafka: no topic {', '.join(unknown)} for us; `journalclip bootstrap` makes it", "bus"
            )
        self._prefix = settings.topic_prefix
        self._answer_s = settings.request_timeout_s
        self._committed: dict[TopicPartition, int] = {}
        self._brought: dict[TopicPartition, int] = {}  # what follows the last record that was polled
        self._early: list[Delivery] = []
        self._settled = time.monotonic()  # when the group was last seen stable

    def poll(self, timeout_s: float, max_records: int) -> list[Delivery]:
        if not self._early:
            self._turn(timeout_s, max_records)
        found, self._early = self._early[:max_records], self._early[max_records:]
        return found

    def heartbeat(self) -> None:
        with _reached():
            held = self._client.assignment()
            self._client.pause(*held)
        try:
            # Keeps max.poll.interval and rebalances going. A partition that is assigned in this very call is not
            # paused yet and may bring records: they are kept for the next poll.
            self._turn(0.0, 1)
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
                self._client.commit(offsets, timeout_ms=int(self._answer_s * 1000))
            except _STALE:
                self._committed.clear()  # another member has them, and starts from what was committed before
                return
        self._committed.update({place: each.offset for place, each in offsets.items()})

    def lag(self) -> int | None:
        if not self._stable():
            if time.monotonic() - self._settled > _JOIN_S:
                raise TransientError(f"Kafka: the group could not be joined for {_JOIN_S:.0f} s", "bus")
            return None
        with _reached():
            held = sorted(self._client.assignment())
            ends: Mapping[TopicPartition, int] = self._client.end_offsets(held) if held else {}
            starts: Mapping[TopicPartition, int] = self._client.beginning_offsets(held) if held else {}
            wait_ms = int(self._answer_s * 1000)
            done = {place: self._client.committed(place, timeout_ms=wait_ms) or 0 for place in held}
            read = {place: self._client.position(place, timeout_ms=wait_ms) or 0 for place in held}
        # Offsets behind the last record may hold none (markers of transactions): once the client has passed them and
        # all that it brought is committed, nothing is left, whatever the difference of the offsets says.
        done = {
            place: read[place] if self._brought.get(place, 0) <= committed else committed
            for place, committed in done.items()
        }
        return sum(max(0, end - max(done[place], starts[place])) for place, end in ends.items())

    def close(self) -> None:
        with _reached():
            self._client.close(autocommit=False, timeout_ms=int(min(_LEAVE_S, self._answer_s) * 1000))

    def _turn(self, timeout_s: float, max_records: int) -> None:
        """Poll the client, and through a rebalance first; what came is kept in ``_early``."""
        until = time.monotonic() + _TURN_S
        while not self._stable() and not self._early and time.monotonic() < until:
            self._once(_SLICE_S, max_records)
        if not self._early:
            self._once(timeout_s, max_records)

    def _once(self, timeout_s: float, max_records: int) -> None:
        with _reached():
            keep_join(self._client)
            polled = self._client.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        self._brought.update({place: records[-1].offset + 1 for place, records in polled.items()})
        self._early += [_delivery(record, self._prefix) for records in polled.values() for record in records]

    def _stable(self) -> bool:
        if settled := stable(self._client):
            self._settled = time.monotonic()
        return settled


def _refuse_hidden(settings: KafkaSettings, names: Sequence[str]) -> None:
    """Tell a topic that we may not see from one that was never made: for a reader both are empty, and one is a lie.

    Raises `ConfigurationError` ``kafka-denied``.
    """
    with _reached():
        admin = KafkaAdminClient(**client_options(settings))
        try:
            found = admin.describe_topics(list(names))
        finally:
            admin.close()
        if denied := [each["name"] for each in found if each["error_code"] == TopicAuthorizationFailedError.errno]:
            raise TopicAuthorizationFailedError(", ".join(denied))


def client_options(settings: KafkaSettings) -> dict[str, object]:
    """What every kafka-python client of ours is made with. Raises `ConfigurationError` for an unreadable secret."""
    options: dict[str, object] = {
        "bootstrap_servers": settings.servers.split(","),
        "client_id": "journalclip",
        "security_protocol": settings.security,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "bootstrap_timeout_ms": int(settings.request_timeout_s * 1000),
        "reconnect_backoff_max_ms": int(settings.reconnect_max_s * 1000),
    }
    if settings.security.startswith("SASL") and settings.sasl_mechanism == "OAUTHBEARER":
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_oauth_token_provider": ClientCredentials(settings, _password(settings)),
        }
    elif settings.security.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": _password(settings),
        }
    files = {"ssl_cafile": settings.ca_file, "ssl_certfile": settings.cert_file, "ssl_keyfile": settings.key_file}
    return options | {name: str(path) for name, path in files.items() if path is not None}


def _password(settings: KafkaSettings) -> str:
    if settings.password_file is None or not settings.password_file.is_file():
        raise ConfigurationError(
            "secret-missing", f"no Kafka password at {settings.password_file}", "Set JOURNALCLIP_KAFKA__PASSWORD_FILE."
        )
    return settings.password_file.read_text().strip()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (AuthorizationError, SaslAuthenticationFailedError) as error:
        raise ConfigurationError(
            "kafka-denied",
            f"{type(error).__name__}: {error}",
            "Run `journalclip bootstrap --acls`, or check JOURNALCLIP_KAFKA__USERNAME and __PASSWORD_FILE.",
        ) from error
    except IllegalStateError:
        raise  # a use after close is a bug
    except KafkaError as error:
        raise TransientError(f"Kafka: {type(error).__name__}: {error}", "bus") from error


def _delivery(record: ConsumerRecord, prefix: str) -> Delivery:
    headers: Headers = tuple((name, value or b"") for name, value in record.headers)
    # A key that is no text is foreign: it must travel on as text, in the dead letter and in the quarantine.
    key = (record.key or b"").decode("utf-8", "backslashreplace")
    topic = record.topic.removeprefix(prefix)
    return Delivery(topic, record.partition, record.offset, key, headers, record.value or b"")
