"""Submitting an article: its bytes are stored, a manifest names it, and `ArticleSubmitted` says so.

The article is its bytes: a second copy under another name is the same article, remembered as a copy and never
processed twice. Nothing looks inside the file here; what is wrong with it is found where it is parsed, in a limited
child process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ArticleSubmitted, Event
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import article_id, canonical_json, sha256_hex

_MAX_NAME = 500  # as the event's schema


@dataclass(frozen=True)
class Submission:
    """What became of one file."""

    article_id: str
    name: str
    new: bool  # first time that these bytes are seen
    copy_of: str | None  # the name under which the same bytes came first, where it differs


def find_pdfs(folder: Path) -> list[Path]:
    """Files named ``*.pdf`` below ``folder`` (or ``folder`` itself), sorted. Raises `PermanentError`."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise PermanentError("input-missing", f"{folder} does not exist", "Give a folder of PDFs, or one PDF.")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".pdf" and path.is_file())


def submit(store: ArtifactStore, bus: Bus, path: Path) -> Submission:
    """Store one PDF and announce it; safe to repeat, also after a kill between any two steps."""
    submission, fact = record(store, path, path.name)
    bus.publish([Event(fact, "submit")])
    return submission


def record(store: ArtifactStore, path: Path, name: str) -> tuple[Submission, ArticleSubmitted]:
    """Store one PDF under its display name; the caller announces the fact, and may do so again."""
    pdf = store.put_file("articles", path, "application/pdf")
    name = _displayable(name)
    first, new = _first_name(store, pdf, name)
    identity = article_id(pdf.sha256)
    if first != name:
        _remember_copy(store, identity, name)
    fact = ArticleSubmitted(article_id=identity, pdf=pdf, name=first)
    hit("submit.recorded")
    return Submission(identity, name, new, first if first != name else None), fact


def submitted(store: ArtifactStore) -> Iterator[ArticleSubmitted]:
    """Every article that was ever submitted, by id."""
    for manifest in store.list_manifests("articles", "submitted/"):
        found = store.find_manifest("articles", manifest)
        if found is not None:
            yield ArticleSubmitted.model_validate_json(store.get(found))


def copies(store: ArtifactStore) -> dict[str, list[str]]:
    """Other names under which an article's bytes came, by article id."""
    names: dict[str, list[str]] = {}
    for manifest in store.list_manifests("articles", "copies/"):
        found = store.find_manifest("articles", manifest)
        if found is not None:
            names.setdefault(manifest.split("/")[1], []).append(str(json.loads(store.get(found))["name"]))
    return names


def _displayable(name: str) -> str:
    # A file system may hold names that are no text; they are shown, never opened.
    return name.encode("utf-8", "replace").decode()[:_MAX_NAME]


def _first_name(store: ArtifactStore, pdf: ArtifactRef, name: str) -> tuple[str, bool]:
    manifest = f"submitted/{article_id(pdf.sha256)}"
    found = store.find_manifest("articles", manifest)
    if found is None:
        fact = ArticleSubmitted(article_id=article_id(pdf.sha256), pdf=pdf, name=name)
        try:
            store.put_manifest("articles", manifest, canonical_json(fact.model_dump(mode="json")))
        except ManifestConflict:  # another submitter was first, with another name
            found = store.find_manifest("articles", manifest)
        else:
            return name, True
    assert found is not None, "manifests are never deleted"
    return ArticleSubmitted.model_validate_json(store.get(found)).name, False


def _remember_copy(store: ArtifactStore, identity: str, name: str) -> None:
    key = f"copies/{identity}/{sha256_hex(name.encode())[:16]}"
    store.put_manifest("articles", key, canonical_json({"name": name}))
