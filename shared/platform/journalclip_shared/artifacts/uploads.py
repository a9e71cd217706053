"""PUT as our own request to S3: with a checksum, and where it is asked for only if nothing is there yet.

The SDK's own call can say neither `If-None-Match` nor, without TLS, `Content-MD5`, which buckets with object lock ask
for. The request is signed in its address, so both headers can be added. A store that does not know `If-None-Match`
says so once, and is not asked again.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.error import S3Error, ServerError

_SIGNED_FOR = timedelta(minutes=15)  # as long as clocks may differ; the store looks at it when a request begins
_THERE = 412  # Precondition Failed
_UNKNOWN_HEADER = frozenset({400, 501})
LARGEST = 5 << 30  # bytes; more needs several parts


def md5_of(path: Path) -> bytes:
    """The checksum of a file's transfer; nothing is trusted by it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).digest()


def md5_of_bytes(data: bytes) -> bytes:
    """As `md5_of`."""
    return hashlib.md5(data, usedforsecurity=False).digest()


@dataclass
class Uploads:
    """Writes objects of one store. May be shared by threads."""

    client: Minio
    pool: urllib3.PoolManager
    conditional: bool = True  # until the store says that it does not know conditions

    def put(self, bucket: str, key: str, data: bytes, checksum: bytes, media_type: str, once: bool = False) -> bool:
        """Write an object; with ``once`` False where one is there already, and nothing is written.

        ``checksum`` is `md5_of` it. Raises what `Minio` raises, and `urllib3.exceptions.HTTPError`.
        """
        return self._put(bucket, key, BytesIO(data), len(data), checksum, media_type, once)

    def put_file(self, bucket: str, key: str, path: Path, checksum: bytes, media_type: str) -> None:
        """As `put`. More than `LARGEST` bytes go in parts, as the SDK sends them."""
        size = path.stat().st_size
        if size > LARGEST:
            self.client.fput_object(bucket, key, str(path), content_type=media_type)
            return
        with path.open("rb") as file:
            self._put(bucket, key, file, size, checksum, media_type, once=False)

    def _put(
        self, bucket: str, key: str, body: BinaryIO, size: int, checksum: bytes, media_type: str, once: bool
    ) -> bool:
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(size),
            "Content-MD5": base64.b64encode(checksum).decode(),
        }
        asked = once and self.conditional
        if asked:
            headers["If-None-Match"] = "*"
        response = self._request(self.client.get_presigned_url("PUT", bucket, key, _SIGNED_FOR), body, headers)
        if response.status == 200:
            return True
        if asked and response.status == _THERE:
            return False
        error = _error(response)
        if asked and (response.status in _UNKNOWN_HEADER) and getattr(error, "code", "") == "NotImplemented":
            self.conditional = False
            body.seek(0)
            return self._put(bucket, key, body, size, checksum, media_type, once=False)
        raise error

    def _request(self, url: str, body: BinaryIO, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self.pool.urlopen("PUT", url, body=body, headers=headers)
        except urllib3.exceptions.MaxRetryError as error:
            # Its own words hold the signed address.
            raise error.reason or urllib3.exceptions.ProtocolError("no answer") from None


def _error(response: urllib3.BaseHTTPResponse) -> Exception:
    try:
        return S3Error.fromxml(response)
    except (ParseError, UnicodeDecodeError, ValueError):
        return ServerError(f"the store answered a PUT with {response.status}", response.status)
