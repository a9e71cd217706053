"""An archive's files one after another, wherever they lie: folders, zips, tars (also packed), and those within another.

Names are data and never paths: nothing is unpacked to a disk. What a packed file holds is counted while it is read, and
is not believed from its directory. Links are passed over.
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile
from journalclip_sources.studies.heads import HEAD_BYTES, TEXT_SUFFIXES
from journalclip_sources.studies.options import MAX_FILE_BYTES, MAX_RATIO, STUDY_LIMITS

_CHUNK = 1 << 20
_DEPTH = 2  # an archive within an archive, and no deeper
_KEPT = 256 << 20  # of a tar, bytes of files: a smaller one is read once and kept
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
)


class Container(Protocol):
    """What holds files."""

    def walk(self) -> Iterator[tuple[str, bytes]]:
        """Names, and the first bytes of each file (all of a text's). Raises `StudyRefused`."""
        ...

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Whole files by their names. Raises `StudyRefused`."""
        ...


@dataclass(frozen=True)
class Entry:
    """One file: its name within the archive for guessing, and where it is read from."""

    name: str
    container: Container = field(repr=False)
    member: str = field(repr=False)


@dataclass(frozen=True)
class FolderFiles:
    """A folder, or one file."""

    root: Path

    def walk(self) -> Iterator[tuple[str, bytes]]:
        if self.root.is_file():
            yield self.root.name, self._head(self.root)
            return
        for path in _below(self.root):
            yield path.relative_to(self.root).as_posix(), self._head(path)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for name in names:
            path = self.root if self.root.is_file() else self.root / name
            try:
                if path.stat().st_size > MAX_FILE_BYTES:
                    raise StudyRefused("study-archive-bomb", f"a file is larger than {MAX_FILE_BYTES >> 20} MiB")
                yield name, path.read_bytes()
            except OSError as error:
                raise StudyRefused("file-unreadable", f"a file cannot be read ({type(error).__name__})") from error

    def _head(self, path: Path) -> bytes:
        try:
            with path.open("rb") as handle:
                return _start(path.name, handle)
        except OSError:
            return b""


def _below(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda each: each.name)
    for each in entries:
        if each.is_symlink():
            continue
        if each.is_dir():
            yield from _below(Path(each.path))
        elif each.is_file():
            yield Path(each.path)


@dataclass(frozen=True)
class ZipFiles:
    """``source`` is a path, or the bytes of a zip within another archive."""

    source: Path | bytes = field(repr=False)

    def walk(self) -> Iterator[tuple[str, bytes]]:
        with _opening("zip"), zipfile.ZipFile(self._file()) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    with archive.open(member) as handle:
                        yield member.filename, _start(member.filename, handle)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        with _opening("zip"), zipfile.ZipFile(self._file()) as archive:
            for name in names:
                member = archive.getinfo(name)
                with archive.open(member) as handle:
                    yield name, _bounded(handle, MAX_RATIO * max(member.compress_size, _CHUNK))

    def _file(self) -> Path | io.BytesIO:
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source


@dataclass
class TarFiles:
    """A tar can only be read from its start: small ones are kept, others are read once for each study."""

    source: Path | bytes = field(repr=False)
    _kept: dict[str, bytes] | None = field(default=None, repr=False)

    def walk(self) -> Iterator[tuple[str, bytes]]:
        kept: dict[str, bytes] | None = {}
        size = 0
        for name, handle in self._members():
            if kept is None:
                yield name, _start(name, handle)
                continue
            data = _bounded(handle, MAX_FILE_BYTES)
            size += len(data)
            kept[name] = data
            if size > _KEPT:
                kept = None
            yield name, _start(name, io.BytesIO(data))
        self._kept = kept

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = set(names)
        if self._kept is not None:
            yield from ((name, self._kept[name]) for name in sorted(wanted))
            return
        for name, handle in self._members():
            if name in wanted:
                wanted.discard(name)
                yield name, _bounded(handle, MAX_FILE_BYTES)
            if not wanted:
                return

    def _members(self) -> Iterator[tuple[str, IO[bytes]]]:
        with _opening("tar"):
            fileobj = io.BytesIO(self.source) if isinstance(self.source, bytes) else None
            name = None if isinstance(self.source, bytes) else str(self.source)
            with tarfile.open(name=name, fileobj=fileobj, mode="r|*") as archive:
                for member in archive:
                    handle = archive.extractfile(member) if member.isreg() else None
                    if handle is not None:
                        yield member.name.removeprefix("./"), handle


class _opening:  # noqa: N801 - reads as a verb
    """Whatever a broken archive raises becomes a refusal."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (*_BROKEN, KeyError)) and not isinstance(error, StudyRefused):
            raise StudyRefused(
                "study-archive-invalid", f"the {self.kind} cannot be opened ({type(error).__name__})"
            ) from error


def is_archive(name: str, head: bytes) -> type[ZipFiles] | type[TarFiles] | None:
    """By the bytes; a gzip or xz is a tar by what it holds, or by its name where its start is too short to tell."""
    if head[:4] == b"PK\x03\x04" and not name.lower().endswith((".docx", ".xlsx", ".jar")):
        return ZipFiles
    lower = name.lower()
    if head[257:262] == b"ustar":
        return TarFiles
    if head[:2] == b"\x1f\x8b":
        try:
            start = zlib.decompressobj(31).decompress(head, 600)
        except zlib.error:
            start = b""
        if start[257:262] == b"ustar":
            return TarFiles
    packed = head[:3] == b"BZh" or head[:6] == b"\xfd7zXZ\x00" or head[:2] == b"\x1f\x8b"
    return TarFiles if packed and lower.endswith((".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.gz", ".tgz")) else None


def entries_of(container: Container, prefix: str = "", depth: int = 0) -> Iterator[tuple[Entry, bytes | StudyRefused]]:
    """All files with their first bytes; those of archives within are named after the archive's own folder."""
    for member, head in container.walk():
        name = prefix + member.replace("\\", "/")
        kind = is_archive(member, head) if depth < _DEPTH else None
        entry = Entry(name, container, member)
        if kind is None:
            yield entry, head
            continue
        try:
            inner = _opened(kind, container, member)
            base = "" if depth == 0 and isinstance(container, FolderFiles) and container.root.is_file() else f"{name}/"
            yield from entries_of(inner, base, depth + 1)
        except StudyRefused as error:
            yield entry, error


def _opened(kind: type[ZipFiles] | type[TarFiles], container: Container, member: str) -> Container:
    """Of a folder by its path, else by its bytes, which are held in memory."""
    if isinstance(container, FolderFiles):
        return kind(container.root / member if container.root.is_dir() else container.root)
    return kind(next(iter(container.read([member])))[1])


def read_entries(entries: Iterable[Entry], limit: int = STUDY_LIMITS.input_bytes) -> list[SourceFile]:
    """Whole files. Raises `StudyRefused` where they are more than the sandbox takes at once."""
    by_container: dict[int, list[Entry]] = {}
    for each in entries:
        by_container.setdefault(id(each.container), []).append(each)
    found: list[SourceFile] = []
    total = 0
    for group in by_container.values():
        names = {each.member: each.name for each in group}
        for member, data in group[0].container.read(list(names)):
            total += len(data)
            if total > limit:
                raise StudyRefused("study-archive-bomb", f"its content is more than {limit >> 20} MiB")
            found.append(SourceFile(names[member], data))
    return found


def _start(name: str, handle: IO[bytes]) -> bytes:
    """A text whole, as far as reports go; of other files the first bytes."""
    return handle.read(64 << 20 if name.lower().endswith(TEXT_SUFFIXES) else HEAD_BYTES)


def _bounded(handle: IO[bytes], limit: int) -> bytes:
    limit = min(limit, MAX_FILE_BYTES)
    out = bytearray()
    while chunk := handle.read(_CHUNK):
        out += chunk
        if len(out) > limit:
            raise StudyRefused("study-archive-bomb", f"its content is more than {limit >> 20} MiB")
    return bytes(out)
