"""A study's files as named bytes, from a folder or a zip; what is not worth reading is refused before it is read.

A name is data: it says what a file may be (its suffixes, BIDS entities, a sequence's name) and is never a path. How
much a zip may hold is checked while it is unpacked, not believed from its directory.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def unpack(data: bytes) -> list[SourceFile]:
    """Inverse of `pack`; zips among the files are opened, one level deep. Raises `StudyRefused`."""
    try:
        frames = split_frames(data)
    except BadFrames as error:
        raise StudyRefused("study-archive-invalid", str(error)) from error
    if len(frames) % 2:
        raise StudyRefused("study-archive-invalid", "a name without a file")
    files = [SourceFile(frames[n].decode("utf-8", "replace"), frames[n + 1]) for n in range(0, len(frames), 2)]
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


def collect(path: Path) -> list[SourceFile]:
    """The files of a folder (or one file), for `pack`. Raises `StudyRefused` where there are none, or too many."""
    if path.is_file():
        return [SourceFile(path.name, path.read_bytes())]
    paths = sorted(each for each in path.rglob("*") if each.is_file() and not each.is_symlink())
    if not paths:
        raise StudyRefused("study-empty", "the folder holds no file")
    if len(paths) > MAX_FILES:
        raise StudyRefused("study-too-many-files", f"{len(paths)} files, {MAX_FILES} are allowed")
    return [SourceFile(each.relative_to(path).as_posix(), each.read_bytes()) for each in paths]


def find_studies(root: Path) -> list[Path]:
    """What below ``root`` is a study of its own: each zip, and each folder that no deeper rule splits.

    A BIDS session or subject, a BraTS case and a folder of DICOM files (with folders of series below it) are studies.
    """
    if root.is_file():
        return [root]
    return sorted(_studies(root))


def _studies(folder: Path) -> Sequence[Path]:
    children = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    files = [each for each in children if each.is_file()]
    zips = [each for each in files if each.suffix.lower() == ".zip"]
    folders = [each for each in children if each.is_dir() and not each.is_symlink()]
    volumes = [each for each in files if each not in zips and _may_be_volume(each)]
    if volumes or _is_study(folders):
        return [folder, *zips]
    return [*zips, *(study for each in folders for study in _studies(each))]


def _is_study(folders: Sequence[Path]) -> bool:
    """Folders of series (each with files of its own), not of patients (each with folders)."""
    if any(each.name in ("anat", "dwi") for each in folders):
        return True
    named = [each for each in folders if not each.name.startswith(("sub-", "ses-"))]
    return len(named) == len(folders) > 1 and all(_holds_volumes(each) for each in folders)


def _holds_volumes(folder: Path) -> bool:
    inside = list(folder.iterdir())
    single = [each for each in inside if each.is_file() and _may_be_volume(each)]
    nifti = [each for each in single if each.name.lower().endswith((".nii", ".nii.gz"))]
    return bool(single) and not nifti and not any(each.is_dir() for each in inside)


def _may_be_volume(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz", ".dcm", ".dicom", ".ima")):
        return True
    return not path.suffix and path.name not in ("README", "CHANGES", "LICENSE", "DICOMDIR")
