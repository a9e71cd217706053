"""A folder as artifact store: ``ROOT/<bucket>/<key>``, each object whole or absent.

An object is written to a temporary name, synced, and renamed: a kill at any moment leaves either nothing or all of
it under its final name. Leftover temporaries are harmless and are swept when the store is opened.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from journalclip_shared.artifacts import (
    BUCKETS,
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactRef,
    Bucket,
    ManifestConflict,
    blob_key,
    blob_ref,
    manifest_key,
    manifest_ref,
)
from journalclip_shared.ids import sha256_hex

_CHUNK = 1 << 20  # 1 MiB reads keep memory flat and system calls few
_STALE_S = 3600  # a temporary this old has no living writer: writes take seconds


class LocalArtifacts:
    """`ArtifactStore` over a folder; several processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for bucket in BUCKETS:
            (root / bucket).mkdir(parents=True, exist_ok=True)
        self._tmp = root / ".tmp"
        self._tmp.mkdir(exist_ok=True)
        self._sweep()

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        ref = blob_ref(bucket, sha256_hex(data), len(data), media_type)
        target = self.path(ref)
        if not self._has(target, ref.bytes):
            self._write(target, data)
        return ref

    def put_file(self, bucket: Bucket, path: Path, media_type: str) -> ArtifactRef:
        digest, size = _digest_of(path)
        ref = blob_ref(bucket, digest, size, media_type)
        target = self.root / bucket / blob_key(digest, media_type)
        if not self._has(target, size):
            temporary = self._temporary()
            shutil.copyfile(path, temporary)
            self._publish(temporary, target)
        return ref

    def get(self, ref: ArtifactRef) -> bytes:
        try:
            data = self.path(ref).read_bytes()
        except FileNotFoundError:
            raise ArtifactMissing(ref.uri) from None
        found = sha256_hex(data)
        if found != ref.sha256:
            raise ArtifactCorrupt(ref.uri, found)
        return data

    def fetch(self, ref: ArtifactRef, path: Path) -> None:
        source = self.path(ref)
        if not source.exists():
            raise ArtifactMissing(ref.uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".fetch-")
        os.close(handle)
        temporary = Path(name)
        try:
            shutil.copyfile(source, temporary)
            found, _ = _digest_of(temporary)
            if found != ref.sha256:
                raise ArtifactCorrupt(ref.uri, found)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        ref = manifest_ref(bucket, name, data)
        target = self.path(ref)
        if target.exists():
            if target.read_bytes() != data:
                raise ManifestConflict(ref.uri)
        else:
            self._write(target, data)
        return ref

    def find_manifest(self, bucket: Bucket, name: str) -> ArtifactRef | None:
        try:
            data = (self.root / bucket / manifest_key(name)).read_bytes()
        except FileNotFoundError:
            return None
        return manifest_ref(bucket, name, data)

    def list_manifests(self, bucket: Bucket, prefix: str = "") -> Iterator[str]:
        base = self.root / bucket / "manifests"
        names = (p.relative_to(base).as_posix().removesuffix(".json") for p in base.rglob("*.json"))
        yield from sorted(name for name in names if name.startswith(prefix))

    def path(self, ref: ArtifactRef) -> Path:
        """Where the object lies on disk, for local tools that want a file; treat it as read-only."""
        target = (self.root / ref.bucket / ref.key).resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise ArtifactMissing(ref.uri)
        return target

    @staticmethod
    def _has(target: Path, size: int) -> bool:
        # A torn file cannot have the final name; comparing the size also heals one cut by a full disk.
        return target.exists() and target.stat().st_size == size

    def _temporary(self) -> Path:
        handle, name = tempfile.mkstemp(dir=self._tmp)
        os.close(handle)
        return Path(name)

    def _write(self, target: Path, data: bytes) -> None:
        temporary = self._temporary()
        temporary.write_bytes(data)
        self._publish(temporary, target)

    @staticmethod
    def _publish(temporary: Path, target: Path) -> None:
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.chmod(0o644)
        temporary.replace(target)

    def _sweep(self) -> None:
        oldest = time.time() - _STALE_S
        for leftover in self._tmp.iterdir():
            if leftover.stat().st_mtime < oldest:
                leftover.unlink(missing_ok=True)


def _digest_of(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
