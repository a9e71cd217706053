"""An in-memory bus, artifact store and model registry: as strict as the real ones, quick enough for property tests.

The bus has partitions and consumer groups as Kafka has: a key keeps its partition, live members of a group share the
partitions, and what a member polled without committing goes to the next one. Both pass the contract suites beside them.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from journalclip_shared.artifacts import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactRef,
    Bucket,
    ManifestConflict,
    blob_ref,
    listed_blob,
    manifest_key,
    manifest_ref,
)
from journalclip_shared.bus import Delivery, Record
from journalclip_shared.errors import TransientError
from journalclip_shared.events import Event, encode
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import sha256_hex
from journalclip_shared.names import FORMER_GROUPS
from journalclip_shared.registry import Alias, ModelVersion

_Partition = tuple[str, int]


class MemoryBus:
    """`Bus` in this process; as Kafka, it appends what is published twice twice."""

    def __init__(self, partitions: int = 3) -> None:
        self._partitions = partitions
        self._log: dict[_Partition, list[Delivery]] = {}
        self._committed: dict[tuple[str, _Partition], int] = {}
        self._members: dict[str, list[MemoryConsumer]] = {}
        self._changed = threading.Condition(threading.RLock())

    def publish(self, events: Sequence[Event]) -> None:
        records = []
        for event in events:
            headers, body = encode(event)
            records.append(Record(event.topic, event.key, headers, body))
        self.publish_raw(records)

    def publish_raw(self, records: Sequence[Record]) -> None:
        if not records:
            return
        hit("bus.before-send")
        with self._changed:
            for number, record in enumerate(records):
                if number == len(records) // 2:
                    hit("bus.sent-in-part")
                partition = zlib.crc32(record.key.encode()) % self._partitions
                log = self._log.setdefault((record.topic, partition), [])
                log.append(Delivery(record.topic, partition, len(log), record.key, record.headers, record.body))
            hit("bus.sent")
            self._changed.notify_all()
        hit("bus.acknowledged")

    def consumer(self, topics: Sequence[str], group: str) -> MemoryConsumer:
        with self._changed:
            member = MemoryConsumer(self, tuple(topics), group)
            self._succeed(group, FORMER_GROUPS.get(group, ""), topics)
            self._members.setdefault(group, []).append(member)
            self._rebalance(group)
            return member

    def read(self, topic: str, places: Mapping[int, int] | None = None) -> Iterator[Delivery]:
        """See `Bus.read`."""
        begin = places or {}
        with self._changed:
            logs = [(partition, log) for (name, partition), log in sorted(self._log.items()) if name == topic]
            found = [delivery for partition, log in logs for delivery in log[begin.get(partition, 0) :]]
        yield from found

    def reopen(self) -> None: ...

    def close(self) -> None:
        """Nothing to close."""

    def _succeed(self, group: str, former: str, topics: Sequence[str]) -> None:
        """Begin where a group of another name stopped, in topics where this one has no place yet."""
        for (name, (topic, partition)), offset in list(self._committed.items()):
            if name == former and topic in topics:
                self._committed.setdefault((group, (topic, partition)), offset)

    def _rebalance(self, group: str) -> None:
        # Every member starts again from what the group committed: anything polled and open is delivered twice.
        members = self._members[group]
        for place, member in enumerate(members):
            member.position = {
                (topic, partition): self._committed.get((group, (topic, partition)), 0)
                for topic in member.topics
                for partition in range(self._partitions)
                if partition % len(members) == place
            }

    def _leave(self, member: MemoryConsumer) -> None:
        with self._changed:
            if member in self._members[member.group]:
                self._members[member.group].remove(member)
                self._rebalance(member.group)

    def _fetch(self, member: MemoryConsumer, max_records: int) -> list[Delivery]:
        found: list[Delivery] = []
        for place, start in member.position.items():
            log = self._log.get(place, [])
            taken = log[start : start + max_records - len(found)]
            member.position[place] = start + len(taken)
            found.extend(taken)
        return found

    def _commit(self, member: MemoryConsumer, deliveries: Sequence[Delivery]) -> None:
        with self._changed:
            for delivery in deliveries:
                place = (delivery.topic, delivery.partition)
                if place in member.position:  # a partition that went to another member is its affair now
                    key = (member.group, place)
                    self._committed[key] = max(self._committed.get(key, 0), delivery.offset + 1)


class MemoryConsumer:
    """`Consumer` of a `MemoryBus`."""

    def __init__(self, bus: MemoryBus, topics: tuple[str, ...], group: str) -> None:
        self._bus, self.topics, self.group = bus, topics, group
        self.position: dict[_Partition, int] = {}

    def poll(self, timeout_s: float, max_records: int) -> list[Delivery]:
        deadline = time.monotonic() + timeout_s
        with self._bus._changed:
            while not (found := self._bus._fetch(self, max_records)):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._bus._changed.wait(left)
            return found

    def heartbeat(self) -> None:
        """A member of this bus is never thought dead."""

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        self._bus._commit(self, deliveries)

    def lag(self) -> int:
        with self._bus._changed:
            return sum(
                len(self._bus._log.get(place, [])) - self._bus._committed.get((self.group, place), 0)
                for place in self.position
            )

    def close(self) -> None:
        self._bus._leave(self)


class MemoryArtifacts:
    """`ArtifactStore` in a dictionary."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        ref = blob_ref(bucket, sha256_hex(data), len(data), media_type)
        hit("artifacts.before-blob")
        self._objects[ref.bucket, ref.key] = data
        hit("artifacts.blob-written")
        hit("artifacts.after-blob")
        return ref

    def put_file(self, bucket: Bucket, path: Path, media_type: str) -> ArtifactRef:
        return self.put(bucket, path.read_bytes(), media_type)

    def get(self, ref: ArtifactRef) -> bytes:
        hit("artifacts.before-read")
        data = self._objects.get((ref.bucket, ref.key))
        if data is None:
            raise ArtifactMissing(ref.uri)
        if (found := sha256_hex(data)) != ref.sha256:
            raise ArtifactCorrupt(ref.uri, found)
        hit("artifacts.after-read")
        return data

    def fetch(self, ref: ArtifactRef, path: Path) -> None:
        data = self.get(ref)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        ref = manifest_ref(bucket, name, data)
        hit("artifacts.before-manifest")
        with self._lock:
            if self._objects.setdefault((ref.bucket, ref.key), data) != data:
                raise ManifestConflict(ref.uri)
        hit("artifacts.manifest-written")
        hit("artifacts.after-manifest")
        return ref

    def find_manifest(self, bucket: Bucket, name: str) -> ArtifactRef | None:
        data = self._objects.get((bucket, manifest_key(name)))
        return None if data is None else manifest_ref(bucket, name, data)

    def erase(self, ref: ArtifactRef) -> bool:
        return self._objects.pop((ref.bucket, ref.key), None) is not None

    def available(self) -> bool:
        return True

    def list_manifests(self, bucket: Bucket, prefix: str = "") -> Iterator[str]:
        keys = [key for where, key in self._objects if where == bucket and key.startswith("manifests/")]
        names = sorted(key.removeprefix("manifests/").removesuffix(".json") for key in keys)
        yield from (name for name in names if name.startswith(prefix))

    def list_blobs(self, bucket: Bucket) -> Iterator[ArtifactRef]:
        for (where, key), data in sorted(self._objects.items()):
            if where == bucket and (ref := listed_blob(bucket, key, len(data))):
                yield ref

    def contents(self) -> dict[str, bytes]:
        """Every object by its address: for tests of what was stored, and of what must not be."""
        return {f"artifact://{bucket}/{key}": data for (bucket, key), data in self._objects.items()}

    def damage(self, ref: ArtifactRef, data: bytes | None) -> None:
        """Replace (or, with None, lose) the bytes behind ``ref``: for tests of what finds it out."""
        if data is None:
            del self._objects[ref.bucket, ref.key]
        else:
            self._objects[ref.bucket, ref.key] = data


class CountingArtifacts(MemoryArtifacts):
    """Counts what is asked of it: ``reads``, and bytes written by bucket, blobs and manifests apart.

    ``there``: a store whose objects it shares.
    """

    def __init__(self, there: MemoryArtifacts | None = None) -> None:
        super().__init__()
        if there is not None:
            self._objects = there._objects
        self.reads = 0
        self.blobs, self.manifests = Counter[Bucket](), Counter[Bucket]()

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        self.blobs[bucket] += len(data)
        return super().put(bucket, data, media_type)

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        self.manifests[bucket] += len(data)
        return super().put_manifest(bucket, name, data)

    def get(self, ref: ArtifactRef) -> bytes:
        self.reads += 1
        return super().get(ref)

    def find_manifest(self, bucket: Bucket, name: str) -> ArtifactRef | None:
        self.reads += 1
        return super().find_manifest(bucket, name)

    def list_manifests(self, bucket: Bucket, prefix: str = "") -> Iterator[str]:
        self.reads += 1
        return super().list_manifests(bucket, prefix)


class MemoryRegistry:
    """`ModelRegistry` in two dictionaries."""

    def __init__(self) -> None:
        self._versions: dict[str, ModelVersion] = {}
        self._aliases: dict[Alias, str] = {}

    def register(self, model_id: str, manifest: ArtifactRef, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        for version in self._versions.values():
            if version.model_id == model_id:
                return version
        number = str(len(self._versions) + 1)
        self._versions[number] = ModelVersion(number, model_id, manifest, run_id, dict(tags))
        return self._versions[number]

    def versions(self) -> list[ModelVersion]:
        return list(self._versions.values())

    def by_alias(self, alias: Alias) -> ModelVersion | None:
        return self._versions.get(self._aliases.get(alias, ""))

    def set_alias(self, alias: Alias, version: str) -> None:
        self._aliases[alias] = self._known(version).version

    def drop_alias(self, alias: Alias) -> None:
        self._aliases.pop(alias, None)

    def tag(self, version: str, key: str, value: str) -> None:
        found = self._known(version)
        self._versions[version] = replace(found, tags={**found.tags, key: value})

    def _known(self, version: str) -> ModelVersion:
        if version not in self._versions:
            raise TransientError(f"model registry: no version {version}")
        return self._versions[version]
