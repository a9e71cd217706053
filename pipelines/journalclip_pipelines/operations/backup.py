"""A copy of an installation in a folder, and an installation from such a copy.

    FOLDER/artifacts/     every blob and manifest, as `LocalArtifacts` keeps them
    FOLDER/databases/     of a working folder: event log, catalogue, tracking and registry, sessions (SQLite)
    FOLDER/keys/          of a working folder: what signs and verifies models
    FOLDER/backup.json    what was copied

Objects are written once and named by their digest, so a copy may be interrupted, repeated into the same folder, and
taken while the installation works: a document is copied after the blobs, and each blob's digest is verified on both
ways. A PostgreSQL is not copied here; `docs/operations/backup.md` says how.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from journalclip_shared.artifacts import BUCKETS, ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.atomic import write_atomically
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records import Document

DATABASES = ("events.db", "catalogue.db", "mlflow.db", "sessions.db")
_TOLD = "backup.json"


class Copied(Document):
    """What a backup holds. ``objects``: blobs and documents a bucket."""

    objects: dict[str, int]
    bytes: int
    databases: tuple[str, ...] = ()
    keys: int = 0


@dataclass
class _Count:
    objects: Counter[str] = field(default_factory=Counter)
    new: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Outcome:
    """``new``: objects that were not there before this copy."""

    copied: Copied
    new: int

    def as_json(self) -> Json:
        return {**self.copied.model_dump(mode="json"), "new": self.new}


def backup(store: ArtifactStore, workdir: Path, folder: Path) -> Outcome:
    """Copy everything into ``folder``; what it holds already is left. Raises `ArtifactCorrupt`, `TransientError`."""
    count = _copy(store, LocalArtifacts(folder / "artifacts"), folder)
    copied = Copied(
        objects=dict(sorted(count.objects.items())),
        bytes=count.bytes,
        databases=backup_databases(workdir, folder),
        keys=_copy_keys(workdir / "keys", folder / "keys"),
    )
    write_atomically(folder / _TOLD, copied.canonical())
    return Outcome(copied, count.new)


def backup_databases(workdir: Path, folder: Path) -> tuple[str, ...]:
    """The SQLite files of a working folder, each as it is at one moment; returns their names."""
    held = tuple(name for name in DATABASES if (workdir / name).is_file())
    for name in held:
        _copy_database(workdir / name, folder / "databases" / name)
    return held


def restore(folder: Path, store: ArtifactStore, workdir: Path) -> Outcome:
    """Bring a backup back into an installation that is empty, or that an interrupted restore has begun.

    Raises `PermanentError` ``backup-unusable`` for a folder that is no whole backup, ``restore-not-empty`` where a
    database is there already; `ManifestConflict` where a document is there with other bytes.
    """
    told = _told(folder)
    there = [name for name in told.databases if (workdir / name).exists()]
    if there:
        remedy = "Restore into a new working folder, or move these away."
        raise PermanentError("restore-not-empty", f"{workdir} holds {', '.join(there)}", remedy)
    count = _copy(LocalArtifacts(folder / "artifacts"), store, workdir)
    lacking = {bucket: wanted - count.objects[bucket] for bucket, wanted in told.objects.items()}
    if any(missing > 0 for missing in lacking.values()):
        said = ", ".join(f"{missing} of {bucket}" for bucket, missing in lacking.items() if missing > 0)
        raise PermanentError(
            "backup-unusable", f"objects are missing in the backup: {said}", "Take another copy of it."
        )
    _copy_keys(folder / "keys", workdir / "keys")
    for name in told.databases:  # last: with the event log the folder counts as an installation
        _copy_database(folder / "databases" / name, workdir / name)
    return Outcome(told, count.new)


def _told(folder: Path) -> Copied:
    try:
        return Copied.model_validate_json((folder / _TOLD).read_bytes())
    except (OSError, ValidationError) as error:
        remedy = "Name the folder of a `journalclip backup` that ended."
        raise PermanentError("backup-unusable", f"{folder} holds no whole backup", remedy) from error


def _copy(source: ArtifactStore, target: ArtifactStore, scratch: Path) -> _Count:
    """Blobs first, then documents: a document that is there refers to what is there."""
    count = _Count()
    passing = scratch / ".passing"
    for bucket in BUCKETS:
        there = {ref.uri for ref in target.list_blobs(bucket)}
        for ref in source.list_blobs(bucket):
            if ref.uri not in there:
                source.fetch(ref, passing)
                target.put_file(bucket, passing, ref.media_type)
                count.new += 1
            count.objects[bucket] += 1
            count.bytes += ref.bytes
    for bucket in BUCKETS:
        there = set(target.list_manifests(bucket))
        for name in source.list_manifests(bucket):
            if (found := source.find_manifest(bucket, name)) is None:
                continue  # erased since it was listed
            if name not in there or target.find_manifest(bucket, name) != found:
                target.put_manifest(bucket, name, source.get(found))
                count.new += name not in there
            count.objects[bucket] += 1
            count.bytes += found.bytes
    passing.unlink(missing_ok=True)
    return count


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's own copy, which is whole also while the source is written; whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(".half")
    half.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(half)) as written,
    ):
        read.backup(written)
    half.replace(target)


def _copy_keys(source: Path, target: Path) -> int:
    found = sorted(path for path in source.glob("*") if path.is_file()) if source.is_dir() else []
    for path in found:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(target / path.name, path.read_bytes(), 0o600)
    return len(found)
