"""Artifacts: every byte that outlives an event lives here, content-addressed and write-once.

Two kinds of object, one rule each:

* a *blob* is named by its own SHA-256, so putting it twice is free and a reference can be verified by anyone;
* a *manifest* has a name, is written once, and is written last: if it exists, everything it refers to exists.

References (``artifact://bucket/key``) do not say which store holds them: a folder on a laptop and S3 on a cluster
give the same reference for the same bytes, and therefore the same ids downstream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field

from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex

Bucket = Literal["articles", "figures", "datasets", "models", "quarantine", "studies", "reports", "vault"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)

# A manifest's name is ours, never a file's: plain ASCII path segments only.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*")
_BLOB = re.compile(r"sha256/[0-9a-f]{2}/(?P<digest>[0-9a-f]{64})(?P<extension>\.[a-z0-9]+)")

# Closed on purpose: the system's MIME table differs between machines, and the key is part of the reference.
_EXTENSIONS = {
    "application/dicom": ".dcm",
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/octet-stream": ".bin",
    "application/pdf": ".pdf",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-ndjson": ".jsonl",
    "application/x-tar": ".tar",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tiff",
    "image/webp": ".webp",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
_MEDIA_TYPES = {extension: kind for kind, extension in _EXTENSIONS.items()}


class ArtifactRef(BaseModel):
    """What an event carries instead of bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str = Field(pattern=r"^artifact://[a-z]+/.+")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)
    media_type: str

    @property
    def bucket(self) -> str:
        return self.uri.removeprefix("artifact://").partition("/")[0]

    @property
    def key(self) -> str:
        return self.uri.removeprefix("artifact://").partition("/")[2]


class ArtifactMissing(PermanentError):
    """The reference points to nothing in this store."""

    def __init__(self, uri: str) -> None:
        super().__init__("artifact-missing", f"{uri} is not in the store", "Run `journalclip audit`.")


class ArtifactCorrupt(PermanentError):
    """The bytes behind the reference are not the bytes that were put."""

    def __init__(self, uri: str, found: str) -> None:
        super().__init__("artifact-corrupt", f"{uri} has digest {found}", "Restore the object from a backup.")


class ManifestConflict(PermanentError):
    """A manifest of this name exists with other bytes; manifests are written once."""

    def __init__(self, uri: str) -> None:
        super().__init__("manifest-conflict", f"{uri} was already written with other content", "")


class ArtifactStore(Protocol):
    """What a store must do; ``journalclip_shared.testing.artifacts`` proves that one does."""

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        """Store ``data`` under its digest; doing it again changes nothing. Durable on return."""
        ...

    def put_file(self, bucket: Bucket, path: Path, media_type: str) -> ArtifactRef:
        """As `put`, for a file that may not fit in memory."""
        ...

    def get(self, ref: ArtifactRef) -> bytes:
        """The bytes, digest verified. Raises `ArtifactMissing`, `ArtifactCorrupt`."""
        ...

    def fetch(self, ref: ArtifactRef, path: Path) -> None:
        """Write the bytes to ``path``, verified, whole or not at all. Raises as `get`."""
        ...

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        """Write JSON bytes under a name, once. The same bytes again are fine; others raise `ManifestConflict`."""
        ...

    def find_manifest(self, bucket: Bucket, name: str) -> ArtifactRef | None:
        """The manifest of that name, or None where it has not been written."""
        ...

    def list_manifests(self, bucket: Bucket, prefix: str = "") -> Iterator[str]:
        """Names of manifests below ``prefix`` in sorted order; blobs are never listed."""
        ...

    def list_blobs(self, bucket: Bucket) -> Iterator[ArtifactRef]:
        """Every blob by its key's digest, in sorted order: for a copy of a whole store. Nothing is read."""
        ...

    def erase(self, ref: ArtifactRef) -> bool:
        """Delete the object for good, every version of it; whether there was one. Only erasure does so."""
        ...

    def available(self) -> bool:
        """Does the store answer now? Never raises for a store that is away."""
        ...


def is_there(store: ArtifactStore, ref: ArtifactRef) -> bool:
    """Whether the object can be read; it is read for it. Raises `ArtifactCorrupt`, `TransientError`."""
    try:
        store.get(ref)
    except ArtifactMissing:
        return False
    return True


def blob_key(sha256: str, media_type: str) -> str:
    """``sha256/ab/abcd....ext``; the extension helps people and web servers, nothing else reads it."""
    return f"sha256/{sha256[:2]}/{sha256}{_EXTENSIONS.get(media_type, '.bin')}"


def listed_blob(bucket: Bucket, key: str, size: int) -> ArtifactRef | None:
    """The blob of that key, or None where the key is no blob's."""
    found = _BLOB.fullmatch(key)
    if found is None:
        return None
    kind = _MEDIA_TYPES.get(found["extension"], "application/octet-stream")
    return ArtifactRef(uri=f"artifact://{bucket}/{key}", sha256=found["digest"], bytes=size, media_type=kind)


def manifest_key(name: str) -> str:
    """Where a manifest lies. Raises ValueError for a name that could leave its folder: a bug, not an input."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"not a manifest name: {name!r}")
    return f"manifests/{name}.json"


def blob_ref(bucket: Bucket, sha256: str, size: int, media_type: str) -> ArtifactRef:
    return ArtifactRef(
        uri=f"artifact://{bucket}/{blob_key(sha256, media_type)}",
        sha256=sha256,
        bytes=size,
        media_type=media_type,
    )


def manifest_ref(bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
    return ArtifactRef(
        uri=f"artifact://{bucket}/{manifest_key(name)}",
        sha256=sha256_hex(data),
        bytes=len(data),
        media_type="application/json",
    )
