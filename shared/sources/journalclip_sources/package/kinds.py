"""What kind of file some bytes are: told by their first bytes, since names lie or are missing."""

from __future__ import annotations

from typing import Literal

Kind = Literal["pdf", "xml", "zip", "tar", "gzip", "jpeg", "png", "tiff", "gif", "jp2", "webp", "other"]
IMAGES: frozenset[Kind] = frozenset({"jpeg", "png", "tiff", "gif", "jp2", "webp"})
ARCHIVES: frozenset[Kind] = frozenset({"zip", "tar", "gzip"})

_HEADER_REACH = 1024  # bytes in which "%PDF-" may stand, as readers allow junk before it
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"GIF8", "gif"),
    (b"\x00\x00\x00\x0cjP  ", "jp2"),
)


def kind_of(data: bytes) -> Kind:
    """The kind of a file's bytes."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[257:262] == b"ustar":
        return "tar"
    if b"%PDF-" in data[:_HEADER_REACH]:
        return "pdf"
    head = data[:_HEADER_REACH].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"<?xml", b"<!DOCTYPE", b"<article", b"<!--")) or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "xml"
    return "other"
