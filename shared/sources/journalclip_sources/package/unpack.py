"""Archives -> their files, in memory and within limits.

An archive may claim anything: sizes are counted while bytes come out, not believed. Links, devices, encrypted entries
and names that climb out are refused, each with its code:

bundle-invalid      the archive is damaged, encrypted or holds what is no file
bundle-too-large    more entries, more bytes, or a higher ratio of compression than any delivery needs
bundle-empty        nothing in it is content
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from journalclip_shared.errors import PermanentError
from journalclip_sources.package.kinds import kind_of
from journalclip_sources.package.names import is_content, spelled

MAX_ENTRIES = 2000
MAX_BYTES = 512 << 20  # unpacked, all files together
MAX_RATIO = 200  # an uncompressed TIFF of a drawing reaches 60
_RATIO_FREE = 8 << 20  # below this a ratio says nothing
_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
    RuntimeError, ValueError, OSError,
)  # fmt: skip


def unpack(data: bytes) -> dict[str, bytes]:
    """Content by name. Raises `PermanentError` with one of the codes above."""
    budget = _Budget(len(data))
    try:
        entries = list(_zip(data, budget) if kind_of(data) == "zip" else _tar(data, budget))
    except _BROKEN as error:
        raise _invalid(str(error) or type(error).__name__) from error
    found = {name: content for name, content in entries if is_content(name, content)}
    if not found:
        raise PermanentError("bundle-empty", "the archive holds no file with content", "Pack it again.")
    return found


class _Budget:
    """Counts what comes out. Raises `PermanentError` ``bundle-too-large`` past a limit."""

    def __init__(self, packed: int) -> None:
        self._entries = self._bytes = 0
        self._most = min(MAX_BYTES, max(_RATIO_FREE, packed * MAX_RATIO))

    def entry(self) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise _too_large(f"more than {MAX_ENTRIES} entries")

    def take(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._most:
            raise _too_large(f"more than {self._most} bytes when unpacked")


def _zip(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            budget.entry()
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise _invalid(f"{info.filename} is encrypted")
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                raise _invalid(f"{info.filename} is a link")
            with archive.open(info) as stream:
                yield _name(info.filename), _read(stream, budget)


def _tar(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
        for info in archive:
            budget.entry()
            if info.isdir():
                continue
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is None:
                raise _invalid(f"{info.name} is a link or a device")
            yield _name(info.name), _read(stream, budget)


def _read(stream: IO[bytes], budget: _Budget) -> bytes:
    content = bytearray()
    while chunk := stream.read(_CHUNK):
        budget.take(len(chunk))
        content += chunk
    return bytes(content)


def _name(name: str) -> str:
    found = spelled(name)
    if found is None:
        raise _invalid(f"the name {name[:100]!r} leads out of the archive")
    return found


def _invalid(reason: str) -> PermanentError:
    return PermanentError("bundle-invalid", f"the archive cannot be unpacked: {reason}", "Pack it again, plainly.")


def _too_large(reason: str) -> PermanentError:
    return PermanentError("bundle-too-large", f"the archive holds {reason}", "Deliver each article by itself.")
