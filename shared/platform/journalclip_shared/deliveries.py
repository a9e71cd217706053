"""What a person or a publisher hands over at once: a file, or a folder whose files belong together.

Only names are looked at here. What is inside is found where it is parsed, in a limited child process.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from journalclip_shared.errors import PermanentError

MAX_ENTRIES = 2000
MAX_BYTES = 512 << 20  # of one delivery, unpacked
PDF = ".pdf"
ARCHIVES = (".zip", ".meca", ".tar", ".tgz", ".tar.gz")
XML = (".xml", ".nxml", ".jats")
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def media_type(name: str) -> str:
    """By the name's ending; nothing is decided by it."""
    lower = name.lower()
    if lower.endswith(PDF):
        return "application/pdf"
    if lower.endswith(XML):
        return "application/xml"
    return "application/zip" if lower.endswith((".zip", ".meca")) else "application/octet-stream"


def iter_deliveries(paths: Iterable[Path]) -> Iterator[Path]:
    """Files named, and deliveries inside folders named, in a stable order.

    A folder with XML in it is one delivery; any other folder holds deliveries side by side.
    """
    for path in paths:
        yield from _inside(path) if path.is_dir() else [path]


def _inside(folder: Path) -> Iterator[Path]:
    entries = sorted(folder.iterdir())
    if any(path.name.lower().endswith(XML) and path.is_file() for path in entries):
        yield folder
        return
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            yield from _inside(path)
        elif path.is_file() and (path.suffix.lower() == PDF or is_archive(path.name)):
            yield path


def delivery_files(path: Path) -> dict[str, Path]:
    """Files of a delivery by their names in it. Raises `PermanentError` ``bundle-too-large``."""
    if not path.is_dir():
        return {path.name: path}
    files = {
        each.relative_to(path).as_posix(): each
        for each in sorted(path.rglob("*"))
        if each.is_file() and not each.is_symlink()
    }
    if len(files) > MAX_ENTRIES or sum(each.stat().st_size for each in files.values()) > MAX_BYTES:
        raise PermanentError(
            "bundle-too-large",
            f"{path} holds more than {MAX_ENTRIES} files or {MAX_BYTES} bytes",
            "Deliver each article by itself.",
        )
    return files


def read_delivery(path: Path) -> bytes:
    """The bytes of a delivery, a folder's packed. Raises `PermanentError` ``file-unreadable``, ``bundle-too-large``."""
    try:
        return pack({name: each.read_bytes() for name, each in delivery_files(path).items()})
    except OSError as error:
        raise PermanentError(
            "file-unreadable", f"{path}: {error.strerror}", "Check the path and its rights."
        ) from error


def pack(files: Mapping[str, bytes]) -> bytes:
    """One file as it is; several as an uncompressed zip, sorted by name."""
    if len(files) == 1:
        return next(iter(files.values()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _WHEN), files[name])
    return out.getvalue()
