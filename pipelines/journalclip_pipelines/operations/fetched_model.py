"""Fetching a language model's folder for a server that only reads it: from a hub by revision, or from the object store.

The folder is whole or absent: files come into a folder beside it, which is renamed at the end. A mark in it says what
it is, so that a second run ends at once and a server knows that it may start.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from journalclip_shared.artifacts.s3 import connect, reached
from journalclip_shared.atomic import write_atomically
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.records import Document
from journalclip_shared.settings import S3Settings

MARK = ".fetched.json"
_HUB = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[\w./-]+)")
_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]+)/(?P<prefix>.+)")


class Fetched(Document):
    """What lies in the folder. ``revision``: the commit of a hub; empty for a bucket."""

    source: str
    revision: str = ""
    files: int
    bytes: int


# Fills a folder with a model of a hub, by name and revision, and says which commit it is.
Fetch = Callable[[str, str, Path], str]


def fetch(source: str, folder: Path, hub: Fetch, bucket: Callable[[str, str, Path], object]) -> tuple[Fetched, bool]:
    """The model at ``folder``, and whether it was fetched now.

    Raises `PermanentError` ``model-source`` for a source of another form or without a file, ``model-other`` where
    the folder holds something else; `TransientError` as the source does.
    """
    if (found := _mark(folder)) is not None:
        if found.source == source:
            return found, False
        raise PermanentError("model-other", f"{folder} holds {found.source}", "Name another folder, or delete it.")
    if folder.exists():
        raise PermanentError("model-other", f"{folder} is there, and nothing says what it is", "Name another folder.")
    half = folder.with_name(f".{folder.name}.half")
    half.mkdir(parents=True, exist_ok=True)  # an interrupted run's files are gone on with where the source can
    revision = ""
    if named := _HUB.fullmatch(source):
        revision = hub(named["name"], named["revision"], half)
    elif named := _S3.fullmatch(source):
        bucket(named["bucket"], named["prefix"].rstrip("/") + "/", half)
    else:
        raise PermanentError(
            "model-source", f"{source} is no source", "Give hub:ORG/NAME@REVISION or s3://BUCKET/PREFIX."
        )
    shutil.rmtree(half / ".cache", ignore_errors=True)  # the hub client's own notes
    sizes = [path.stat().st_size for path in half.rglob("*") if path.is_file()]
    if not sizes:
        raise PermanentError("model-source", f"there is no file at {source}", "Look at its name.")
    made = Fetched(source=source, revision=revision, files=len(sizes), bytes=sum(sizes))
    write_atomically(half / MARK, made.canonical())
    half.rename(folder)
    return made, True


def _mark(folder: Path) -> Fetched | None:
    try:
        return Fetched.model_validate_json((folder / MARK).read_bytes())
    except (OSError, ValidationError):
        return None


def from_hub(token: str) -> Fetch:
    """From the hub that the client's environment names (``HF_ENDPOINT``)."""

    def filled(name: str, revision: str, folder: Path) -> str:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

        hub = HfApi(token=token or False)
        try:
            commit = str(hub.model_info(name, revision=revision).sha)
            hub.snapshot_download(name, revision=commit, local_dir=folder)
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            remedy = "Look at its name and revision, and at the token."
            raise PermanentError("model-source", f"{name}@{revision}: {error}", remedy) from error
        except (HfHubHTTPError, OSError) as error:
            raise TransientError(f"hub: {error}", "hub") from error
        return commit

    return filled


def from_bucket(settings: S3Settings) -> Callable[[str, str, Path], None]:
    """From the release's own object store; a file that is there in its size is not fetched again."""

    def filled(bucket: str, prefix: str, folder: Path) -> None:
        client = connect(settings)
        with reached(f"s3://{bucket}/{prefix}"):
            for each in client.list_objects(bucket, prefix, recursive=True):
                name = str(each.object_name)
                target = (folder / name.removeprefix(prefix)).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise PermanentError("model-source", f"{name} leads out of the folder", "Rename the object.")
                if not (target.is_file() and target.stat().st_size == each.size):
                    client.fget_object(bucket, name, str(target))

    return filled
