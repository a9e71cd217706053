"""The inbox: the part of the `articles` bucket (or a folder) where people and programs drop journal issues.

Its names are foreign: they are shown and looked up, and never become paths on this machine. An object is one version of
one name; dropping other bytes under the same name is another object.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from minio.error import S3Error

from journalclip_shared.artifacts.s3 import connect, reached
from journalclip_shared.deliveries import PDF, is_archive
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.settings import S3Settings

LIST = "files.json"  # a JSON array of names below its folder
INBOX = "issues/"  # beside `sha256/` and `manifests/` in the articles bucket


@dataclass(frozen=True)
class Dropped:
    """One object in the inbox; ``version`` changes with its bytes."""

    key: str
    version: str

    @property
    def receipt(self) -> str:
        """The manifest that says it was taken in."""
        return f"received/{make_id('evt', self.key, self.version)}"

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2] or self.key

    @property
    def is_delivery(self) -> bool:
        """A PDF or an archive by itself, or the list that completes a folder of files."""
        return self.key.startswith(INBOX) and (self.key.lower().endswith(PDF) or is_archive(self.key) or self.is_list)

    @property
    def is_list(self) -> bool:
        """Names the files of its folder; written last, it says that they are all there."""
        return self.key.startswith(INBOX) and self.name == LIST

    @property
    def folder(self) -> str:
        return self.key.rpartition("/")[0]


class Inbox(Protocol):
    """Where dropped objects lie."""

    bucket: str

    def find(self, key: str) -> Dropped | None:
        """The object of that name as it is now. Raises `TransientError`."""
        ...

    def list(self) -> Iterator[Dropped]:
        """Every object below `INBOX`. Raises `TransientError`."""
        ...

    def fetch(self, dropped: Dropped, path: Path) -> None:
        """Its bytes into ``path``. Raises `PermanentError` ``inbox-object-gone``, `TransientError`."""
        ...


class S3Inbox:
    """An `Inbox` in an S3 bucket."""

    def __init__(self, settings: S3Settings) -> None:
        self.bucket = f"{settings.bucket_prefix}articles"
        self._client = connect(settings)

    def find(self, key: str) -> Dropped | None:
        try:
            with reached(key):
                found = self._client.stat_object(self.bucket, key)
        except PermanentError as error:
            if error.code == "artifact-missing":
                return None
            raise
        return Dropped(key, str(found.etag))

    def list(self) -> Iterator[Dropped]:
        with reached(INBOX):
            found = list(self._client.list_objects(self.bucket, INBOX, recursive=True))
        yield from (Dropped(str(each.object_name), str(each.etag).strip('"')) for each in found)

    def fetch(self, dropped: Dropped, path: Path) -> None:
        with reached(dropped.key):
            try:
                self._client.fget_object(self.bucket, dropped.key, str(path))
            except S3Error as error:
                if error.code == "NoSuchKey":
                    raise _gone(dropped) from error
                raise


class FolderInbox:
    """An `Inbox` in a folder, for tests and for machines without an object store."""

    def __init__(self, folder: Path, bucket: str = "articles") -> None:
        self.bucket = bucket
        self._folder = folder

    def find(self, key: str) -> Dropped | None:
        return next((each for each in self.list() if each.key == key), None)

    def list(self) -> Iterator[Dropped]:
        base = self._folder / INBOX
        for path in sorted(each for each in base.rglob("*") if each.is_file()):
            yield Dropped(path.relative_to(self._folder).as_posix(), sha256_hex(path.read_bytes()))

    def fetch(self, dropped: Dropped, path: Path) -> None:
        try:
            shutil.copyfile(self._folder / dropped.key, path)
        except FileNotFoundError:
            raise _gone(dropped) from None


def _gone(dropped: Dropped) -> PermanentError:
    return PermanentError("inbox-object-gone", f"{dropped.key} was removed before it was read", "Drop it again.")
