"""A folder as artifact store: ``ROOT/<bucket>/<key>``, each object whole or absent.

An object is written to a temporary name, synced, and put in its place: a kill at any moment leaves either nothing or
all of it under its final name. A manifest is put in place by a hard link, which fails where one exists, so that two
writers cannot both believe they were first. Leftover temporaries are harmless and are swept when the store is opened.
A full or failing disk is a `TransientError`: the work is tried again, and nothing half-written has a final name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    listed_blob,
    manifest_key,
    manifest_ref,
)
from journalclip_shared.errors import TransientError
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import sha256_hex

_CHUNK = 1 << 20  # 1 MiB reads keep memory flat and system calls few
_STALE_S = 3600  # a temporary this old has no living writer: writes take seconds
_UNWELL = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENFILE, errno.EMFILE}


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
        with _disk():
            hit("artifacts.before-blob")
            if not _has(target, ref.sha256, ref.bytes):
                written = self._written(data)
                hit("artifacts.blob-written")
                self._publish(written, target)
            hit("artifacts.after-blob")
        return ref

    def put_file(self, bucket: Bucket, path: Path, media_type: str) -> ArtifactRef:
        digest, size = digest_of(path)
        target = self.root / bucket / blob_key(digest, media_type)
        with _disk():
            hit("artifacts.before-blob")
            if not _has(target, digest, size):
                temporary = self._temporary()
                shutil.copyfile(path, temporary)
                copied, _ = digest_of(temporary)  # the source may be a file that someone is still writing
                if copied != digest:
                    temporary.unlink()
                    raise TransientError(f"{path.name} changed while it was read")
                hit("artifacts.blob-written")
                self._publish(temporary, target)
            hit("artifacts.after-blob")
        return blob_ref(bucket, digest, size, media_type)

    def get(self, ref: ArtifactRef) -> bytes:
        hit("artifacts.before-read")
        try:
            data = self.path(ref).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise ArtifactMissing(ref.uri) from None
        found = sha256_hex(data)
        if found != ref.sha256:
            raise ArtifactCorrupt(ref.uri, found)
        hit("artifacts.after-read")
        return data

    def fetch(self, ref: ArtifactRef, path: Path) -> None:
        source = self.path(ref)
        if not source.is_file():
            raise ArtifactMissing(ref.uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".fetch-")
        os.close(handle)
        temporary = Path(name)
        try:
            with _disk():
                shutil.copyfile(source, temporary)
            found, _ = digest_of(temporary)
            if found != ref.sha256:
                raise ArtifactCorrupt(ref.uri, found)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        ref = manifest_ref(bucket, name, data)
        target = self.path(ref)
        with _disk():
            hit("artifacts.before-manifest")
            if not target.exists():
                written = self._written(data)
                hit("artifacts.manifest-written")
                self._publish(written, target, once=True)
            hit("artifacts.after-manifest")
        if target.read_bytes() != data:
            raise ManifestConflict(ref.uri)
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

    def list_blobs(self, bucket: Bucket) -> Iterator[ArtifactRef]:
        base = self.root / bucket
        for path in sorted((base / "sha256").rglob("*")):
            if path.is_file() and (ref := listed_blob(bucket, path.relative_to(base).as_posix(), path.stat().st_size)):
                yield ref

    def path(self, ref: ArtifactRef) -> Path:
        """Where the object lies on disk, for local tools that want a file; treat it as read-only."""
        base = (self.root / ref.bucket).resolve()
        target = (base / ref.key).resolve()
        if not target.is_relative_to(base):
            raise ArtifactMissing(ref.uri)
        return target

    def _temporary(self) -> Path:
        handle, name = tempfile.mkstemp(dir=self._tmp)
        os.close(handle)
        return Path(name)

    def _written(self, data: bytes) -> Path:
        temporary = self._temporary()
        try:
            temporary.write_bytes(data)
        except OSError:
            temporary.unlink(missing_ok=True)  # a full disk is not made fuller
            raise
        return temporary

    @staticmethod
    def _publish(temporary: Path, target: Path, once: bool = False) -> None:
        try:
            temporary.chmod(0o644)
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            if once:
                with suppress(FileExistsError):  # another writer was first; the caller compares
                    os.link(temporary, target)
            else:
                temporary.replace(target)
            _sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def erase(self, ref: ArtifactRef) -> bool:
        target = self.path(ref)
        with _disk():
            if not target.is_file():
                return False
            target.unlink()
            _sync_folder(target.parent)
        return True

    def available(self) -> bool:
        return self._tmp.is_dir()

    def _sweep(self) -> None:
        oldest = time.time() - _STALE_S
        for leftover in self._tmp.iterdir():
            with suppress(FileNotFoundError):  # its writer published it since the folder was listed
                if leftover.stat().st_mtime < oldest:
                    leftover.unlink()


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _UNWELL:
            raise TransientError(f"artifact folder: {error.strerror}", "store", certain=True) from error
        raise


def _has(target: Path, digest: str, size: int) -> bool:
    """Whether the right bytes are there; what a failing disk or a person changed is written anew."""
    return target.is_file() and target.stat().st_size == size and digest_of(target)[0] == digest


def _sync_folder(folder: Path) -> None:
    # The name itself must survive a power cut too, not only the bytes behind it.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_of(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
