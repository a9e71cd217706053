"""A study's files as named bytes; what is not worth reading is refused before it is read.

A name is data: it says what a file may be (its suffixes, BIDS entities, a sequence's name) and is never a path. How
much a zip may hold is checked while it is unpacked, not believed from its directory.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

from journalclip_sources.sandbox.frames import BadFrames, split_frames
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.options import MAX_FILE_BYTES, MAX_FILES, MAX_RATIO, STUDY_LIMITS

_HEAD = 8
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SourceFile:
    """One file; ``name`` has ``/`` between its parts and is for guessing only."""

    name: str
    data: bytes

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.name.replace("\\", "/").split("/") if part)

    @property
    def stem(self) -> str:
        """Last part without its suffixes, lower case."""
        return self.parts[-1].lower().split(".")[0] if self.parts else ""

    def ends(self, *suffixes: str) -> bool:
        return self.name.lower().endswith(suffixes)


def pack(files: Iterable[SourceFile]) -> bytes:
    """The form in which files travel to the child: name and bytes as frames, in the order of their names."""
    out = io.BytesIO()
    for file in sorted(files, key=lambda each: each.name):
        for part in (file.name.encode("utf-8", "replace"), file.data):
            out.write(len(part).to_bytes(_HEAD, "big"))
            out.write(part)
    return out.getvalue()


def unpack(data: bytes, nested: bool = True) -> list[SourceFile]:
    """Inverse of `pack`; zips among the files are opened, one level deep, where ``nested``. Raises `StudyRefused`."""
    try:
        frames = split_frames(data)
    except BadFrames as error:
        raise StudyRefused("study-archive-invalid", str(error)) from error
    if len(frames) % 2:
        raise StudyRefused("study-archive-invalid", "a name without a file")
    files = [SourceFile(frames[n].decode("utf-8", "replace"), frames[n + 1]) for n in range(0, len(frames), 2)]
    if not nested:
        return files
    opened = [each for file in files for each in (unzip(file) if file.data[:4] == b"PK\x03\x04" else [file])]
    if len(opened) > MAX_FILES:
        raise StudyRefused("study-too-many-files", f"{len(opened)} files, {MAX_FILES} are allowed")
    return opened


def unzip(archive: SourceFile) -> list[SourceFile]:
    """Raises `StudyRefused`."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive.data)) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            if len(members) > MAX_FILES:
                raise StudyRefused("study-too-many-files", f"{len(members)} files, {MAX_FILES} are allowed")
            budget = min(STUDY_LIMITS.input_bytes, MAX_RATIO * max(len(archive.data), _CHUNK))
            files = []
            for member in members:
                data = _member(opened, member, min(budget, MAX_FILE_BYTES))
                budget -= len(data)
                files.append(SourceFile(member.filename, data))
            return files
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise StudyRefused("study-archive-invalid", f"the zip cannot be opened ({type(error).__name__})") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    out = bytearray()
    with archive.open(member) as handle:
        while chunk := handle.read(_CHUNK):
            out += chunk
            if len(out) > limit:
                raise StudyRefused("study-archive-bomb", f"its content is more than {limit >> 20} MiB")
    return bytes(out)
