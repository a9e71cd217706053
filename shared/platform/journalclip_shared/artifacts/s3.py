"""Any S3-compatible object store as artifact store, through the MinIO SDK.

A manifest is written by a conditional PUT, so of two writers with different bytes one is told that it lost. A store
that does not know conditions gets plain PUTs: there both writers can look before either writes, and each reads back
what stands. Every PUT carries a checksum (`uploads`). Every read is verified against its digest; a truncated or reset
transfer is a `TransientError`, an object that is whole and wrong is `ArtifactCorrupt`, and is written anew when the
right bytes are put again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi
import urllib3
from minio import Minio
from minio.credentials.providers import IamAwsProvider, Provider, StaticProvider
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

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
from journalclip_shared.artifacts.local import digest_of
from journalclip_shared.artifacts.uploads import Uploads, md5_of, md5_of_bytes
from journalclip_shared.errors import ConfigurationError, JournalclipError, TransientError
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import sha256_hex
from journalclip_shared.settings import S3Settings

_CHUNK = 1 << 20  # 1 MiB: memory stays flat whatever the object's size
_ABSENT = {"NoSuchKey", "NoSuchObject", "NoSuchVersion", "ResourceNotFound"}
# What a store says of our own set-up: rights and keys, the clock, the region, a session that expired.
_DENIED = {
    "AccessDenied", "AccountProblem", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId", "InvalidSecurity",
    "InvalidToken", "NotSignedUp", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
    "UnauthorizedAccess", "XMinioAdminNoSuchUser",
}  # fmt: skip
_MISPLACED = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "InvalidRegion",
}
_FULL = {"XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"}
_STORE = "store"  # the dependency's name in errors and metrics


class S3Artifacts:
    """`ArtifactStore` on S3; safe for many processes."""

    def __init__(self, settings: S3Settings) -> None:
        self._prefix = settings.bucket_prefix
        connections = pool(settings)
        self._client = connect(settings, connections)
        self._uploads = Uploads(self._client, connections)

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        ref = blob_ref(bucket, sha256_hex(data), len(data), media_type)
        hit("artifacts.before-blob")
        checksum = md5_of_bytes(data)
        if not self._has(ref, checksum):
            self._put(ref, data, checksum)
            hit("artifacts.blob-written")
        hit("artifacts.after-blob")
        return ref

    def put_file(self, bucket: Bucket, path: Path, media_type: str) -> ArtifactRef:
        digest, size = digest_of(path)
        ref = blob_ref(bucket, digest, size, media_type)
        hit("artifacts.before-blob")
        checksum = md5_of(path)
        if not self._has(ref, checksum):
            with reached(ref.uri):
                self._uploads.put_file(self._bucket(ref), ref.key, path, checksum, media_type)
            hit("artifacts.blob-written")
            if digest_of(path)[0] != digest:
                self._remove(ref)
                raise TransientError(f"{path.name} changed while it was read")
        hit("artifacts.after-blob")
        return ref

    def get(self, ref: ArtifactRef) -> bytes:
        hit("artifacts.before-read")
        data = b"".join(self._chunks(ref))
        self._check(ref, sha256_hex(data), len(data))
        hit("artifacts.after-read")
        return data

    def fetch(self, ref: ArtifactRef, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".fetch-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as target:
                for chunk in self._chunks(ref):
                    target.write(chunk)
            self._check(ref, *digest_of(temporary))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        ref = manifest_ref(bucket, name, data)
        hit("artifacts.before-manifest")
        if (found := self.find_manifest(bucket, name)) is None:
            written = self._put(ref, data, md5_of_bytes(data), once=True)
            hit("artifacts.manifest-written")
            found = ref if written and self._uploads.conditional else self.find_manifest(bucket, name)
        hit("artifacts.after-manifest")
        if found != ref:
            raise ManifestConflict(ref.uri)
        return ref

    def find_manifest(self, bucket: Bucket, name: str) -> ArtifactRef | None:
        wanted = manifest_ref(bucket, name, b"")
        try:
            data = b"".join(self._chunks(wanted))
        except ArtifactMissing:
            return None
        return manifest_ref(bucket, name, data)

    def list_manifests(self, bucket: Bucket, prefix: str = "") -> Iterator[str]:
        base = manifest_key("x").removesuffix("x.json")
        with reached(f"{bucket}/{prefix}"):
            found = self._client.list_objects(self._prefix + bucket, base + prefix, recursive=True)
            names = [str(each.object_name).removeprefix(base).removesuffix(".json") for each in found]
        yield from sorted(names)

    def list_blobs(self, bucket: Bucket) -> Iterator[ArtifactRef]:
        with reached(f"{bucket}/sha256"):
            for each in self._client.list_objects(self._prefix + bucket, "sha256/", recursive=True):
                if ref := listed_blob(bucket, str(each.object_name), int(each.size or 0)):
                    yield ref

    def erase(self, ref: ArtifactRef) -> bool:
        bucket = self._bucket(ref)
        with reached(ref.uri):
            found = self._client.list_objects(bucket, ref.key, include_version=True)
            versions = [each for each in found if each.object_name == ref.key]
            for each in versions:
                self._client.remove_object(bucket, ref.key, version_id=each.version_id)
        return any(not each.is_delete_marker for each in versions)

    def available(self) -> bool:
        """Does the store answer at all? Whether it lets us do anything is another question."""
        try:
            with reached("available"):
                self._client.bucket_exists(f"{self._prefix}articles")
        except TransientError:
            return False
        except JournalclipError:
            return True
        return True

    def _bucket(self, ref: ArtifactRef) -> str:
        return self._prefix + ref.bucket

    def _has(self, ref: ArtifactRef, checksum: bytes) -> bool:
        """Whether the right bytes are there: by size and entity tag, else by reading them.

        The tag is the MD5 of what was sent in one part, unless the store encrypts with keys of its own.
        """
        try:
            with reached(ref.uri):
                found = self._client.stat_object(self._bucket(ref), ref.key)
            if int(found.size or 0) != ref.bytes:
                return False
            if str(found.etag or "").strip('"') == checksum.hex():
                return True
            digest = hashlib.sha256()
            for chunk in self._chunks(ref):
                digest.update(chunk)
        except ArtifactMissing:
            return False
        return digest.hexdigest() == ref.sha256

    def _put(self, ref: ArtifactRef, data: bytes, checksum: bytes, once: bool = False) -> bool:
        with reached(ref.uri):
            return self._uploads.put(self._bucket(ref), ref.key, data, checksum, ref.media_type, once)

    def _remove(self, ref: ArtifactRef) -> None:
        with reached(ref.uri):
            self._client.remove_object(self._bucket(ref), ref.key)

    def _chunks(self, ref: ArtifactRef) -> Iterator[bytes]:
        if ".." in ref.key.split("/"):  # the SDK would normalise it, and the server answer for another object
            raise ArtifactMissing(ref.uri)
        with reached(ref.uri):
            response = self._client.get_object(self._bucket(ref), ref.key)
            expected, received = int(response.headers.get("Content-Length", "0")), 0
            try:
                for chunk in response.stream(_CHUNK):
                    received += len(chunk)
                    yield chunk
            finally:
                response.close()
                response.release_conn()
        if received != expected:
            raise TransientError(f"{ref.uri}: {received} of {expected} bytes arrived", _STORE)

    @staticmethod
    def _check(ref: ArtifactRef, digest: str, _size: int) -> None:
        if digest != ref.sha256:
            raise ArtifactCorrupt(ref.uri, digest)


def connect(settings: S3Settings, connections: urllib3.PoolManager | None = None) -> Minio:
    """The SDK's client with bounded retries and time. Raises `ConfigurationError` for an unreadable secret."""
    return Minio(
        settings.endpoint,
        credentials=credentials(settings),
        secure=settings.tls,
        region=settings.region,
        http_client=connections or pool(settings),
    )


def credentials(settings: S3Settings) -> Provider:
    """Keys from files; or what AWS gives a pod or a machine, which the SDK renews. Raises as `connect`."""
    if settings.identity == "workload":
        return IamAwsProvider(region=settings.region)
    return StaticProvider(
        read_secret(settings.access_key_file, "ACCESS_KEY_FILE"),
        read_secret(settings.secret_key_file, "SECRET_KEY_FILE"),
    )


def pool(settings: S3Settings) -> urllib3.PoolManager:
    """Connections with bounded retries and time that trust the store's authorities."""
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=settings.timeout_s),
        maxsize=16,  # connections kept, as many as a service plausibly has threads
        cert_reqs="CERT_REQUIRED",
        ca_certs=str(settings.ca_file) if settings.ca_file else certifi.where(),
        retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
    )


def read_secret(path: Path | None, name: str) -> str:
    """The text of a secret's file. Raises `ConfigurationError` ``secret-missing``, which names the setting."""
    if path is None or not path.is_file():
        raise ConfigurationError("secret-missing", f"no S3 credential at {path}", f"Set JOURNALCLIP_S3__{name}.")
    return path.read_text().strip()


@contextmanager
def reached(uri: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in _ABSENT:
            raise ArtifactMissing(uri) from error
        if error.code == "NoSuchBucket":
            raise ConfigurationError(
                "bucket-missing",
                f"{uri}: no such bucket: {error.message}",
                "Run `journalclip bootstrap`, or check JOURNALCLIP_S3__BUCKET_PREFIX.",
            ) from error
        if error.code in _DENIED:
            raise ConfigurationError(
                "s3-denied",
                f"{uri}: {error.code}: {error.message}",
                "Check JOURNALCLIP_S3__ACCESS_KEY_FILE, __SECRET_KEY_FILE, the key's rights and this machine's clock.",
            ) from error
        if error.code in _MISPLACED:
            raise ConfigurationError(
                "s3-misplaced",
                f"{uri}: {error.code}: {error.message}",
                "Check JOURNALCLIP_S3__REGION, __ENDPOINT and __BUCKET_PREFIX.",
            ) from error
        raise TransientError(f"{uri}: {error.code}: {error.message}", _STORE, error.code in _FULL) from error
    except (InvalidResponseError, ServerError, MinioException) as error:
        raise TransientError(f"{uri}: {error}", _STORE) from error
    except urllib3.exceptions.HTTPError as error:
        if isinstance(getattr(error, "reason", error), urllib3.exceptions.SSLError):
            raise ConfigurationError(
                "s3-untrusted", f"{uri}: {error}", "Check JOURNALCLIP_S3__CA_FILE and __TLS."
            ) from error
        raise TransientError(f"{uri}: {type(error).__name__}: {error}", _STORE) from error
    except (ConnectionError, TimeoutError) as error:
        raise TransientError(f"{uri}: {type(error).__name__}", _STORE) from error
