"""Submitting a delivery: its bytes are stored, a manifest names it, and a fact says so.

A PDF alone is announced as `ArticleSubmitted`, a package or a folder of files as `DeliverySubmitted`. A delivery is its
bytes: a second copy under another name is the same one, remembered as a copy and never processed twice. Nothing looks
inside a file here; what is wrong with it is found where it is parsed, in a limited child process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from journalclip_shared.artifacts import ArtifactStore, ManifestConflict
from journalclip_shared.artifacts.local import digest_of
from journalclip_shared.bus import Bus
from journalclip_shared.deliveries import XML, delivery_files, is_archive, iter_deliveries, media_type, pack
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import (
    MAX_FILES,
    ArticleSubmitted,
    DeliverySubmitted,
    Event,
    SourceQuarantined,
    Submitted,
    SubmittedFile,
)
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import article_id, canonical_json, files_digest, sha256_hex
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawals

_MAX_NAME = 500  # as the event's schema


@dataclass(frozen=True)
class Submission:
    """What became of one delivery."""

    article_id: str  # of the delivery
    name: str
    new: bool  # first time that these bytes are seen
    copy_of: str | None  # the name under which the same bytes came first, where it differs
    refused: str = ""  # the code, where it may not come in; nothing of it is stored then


def find_deliveries(folder: Path) -> list[Path]:
    """PDFs, archives and bundle folders below ``folder`` (or ``folder`` itself), sorted. Raises `PermanentError`."""
    if not folder.exists():
        raise PermanentError(
            "input-missing", f"{folder} does not exist", "Give a folder of PDFs and packages, or one of them."
        )
    return list(iter_deliveries([folder]))


def submit(store: ArtifactStore, bus: Bus, path: Path, words: Withdrawals | None = None) -> Submission:
    """Store one delivery and announce it; safe to repeat, also after a kill between any two steps."""
    done, fact = record(store, words or Withdrawals(store), path, path.name)
    bus.publish([Event(fact, "submit")])
    return done


def record(
    store: ArtifactStore, words: Withdrawals, path: Path, name: str
) -> tuple[Submission, Submitted | SourceQuarantined]:
    """Store one delivery (a file or a folder) under its display name; the caller announces the fact.

    One that was withdrawn is not stored, and the fact says that it is in quarantine.
    """
    if not path.is_dir() and not _is_package(name):
        if (refused := refusal(words, lambda: article_id(digest_of(path)[0]), name)) is not None:
            return refused
        pdf = store.put_file("articles", path, "application/pdf")
        return _recorded(store, ArticleSubmitted(article_id=article_id(pdf.sha256), pdf=pdf, name=_displayable(name)))
    files = delivery_files(path) if path.is_dir() else {name: path}
    return record_files(store, words, files, name)


def record_files(
    store: ArtifactStore, words: Withdrawals, files: Mapping[str, Path], name: str
) -> tuple[Submission, Submitted | SourceQuarantined]:
    """Store files that arrived together, as `record` does. More than an event can name are packed into one."""
    packed = pack({each: path.read_bytes() for each, path in files.items()}) if len(files) > MAX_FILES else b""

    def identified() -> str:
        digests = {each: digest_of(path)[0] for each, path in files.items()}
        return article_id(files_digest({f"{name}.zip": sha256_hex(packed)} if packed else digests))

    if (refused := refusal(words, identified, name)) is not None:
        return refused
    if packed:
        refs = {f"{name}.zip": store.put("articles", packed, "application/zip")}
    else:
        refs = {each: store.put_file("articles", path, media_type(each)) for each, path in files.items()}
    identity = article_id(files_digest({each: ref.sha256 for each, ref in refs.items()}))
    listed = tuple(SubmittedFile(name=_displayable(each), ref=refs[each]) for each in sorted(refs))
    return _recorded(store, DeliverySubmitted(delivery_id=identity, files=listed, name=_displayable(name)))


def refusal(
    words: Withdrawals, identified: Callable[[], str], name: str
) -> tuple[Submission, SourceQuarantined] | None:
    """What is said of a delivery that was withdrawn; None for any other. Nothing is read where no word holds."""
    taken = words.fresh()
    identity = identified() if taken else ""
    word = taken.of_submission(identity)
    if word is None:
        return None
    error, shown = SourceWithdrawn(word, _displayable(name)), _displayable(name)
    fact = SourceQuarantined(
        source_id=identity, name=shown, stage="intake", code=error.code, reason=error.reason, remedy=error.remedy
    )
    return Submission(identity, shown, False, None, error.code), fact


def submitted(store: ArtifactStore) -> Iterator[Submitted]:
    """Every delivery that was ever submitted, by id."""
    for manifest in store.list_manifests("articles", "submitted/"):
        found = store.find_manifest("articles", manifest)
        if found is not None:
            yield submission(store.get(found))


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


def _is_package(name: str) -> bool:
    return is_archive(name) or name.lower().endswith(XML)


def _recorded(store: ArtifactStore, fact: Submitted) -> tuple[Submission, Submitted]:
    """Write the delivery's manifest, or take the name under which the same bytes came first."""
    name = fact.name
    first, new = _first_name(store, fact)
    if first != name:
        _remember_copy(store, fact.key, name)
    hit("submit.recorded")
    return Submission(fact.key, name, new, first if first != name else None), fact.model_copy(update={"name": first})


def submission(data: bytes | str) -> Submitted:
    """A submission as it was stored."""
    if "delivery_id" in json.loads(data):
        return DeliverySubmitted.model_validate_json(data)
    return ArticleSubmitted.model_validate_json(data)


def _first_name(store: ArtifactStore, fact: Submitted) -> tuple[str, bool]:
    manifest = f"submitted/{fact.key}"
    found = store.find_manifest("articles", manifest)
    if found is None:
        try:
            store.put_manifest("articles", manifest, canonical_json(fact.model_dump(mode="json")))
        except ManifestConflict:  # another submitter was first, with another name
            found = store.find_manifest("articles", manifest)
        else:
            return fact.name, True
    assert found is not None, "manifests are never deleted"
    return submission(store.get(found)).name, False


def _remember_copy(store: ArtifactStore, identity: str, name: str) -> None:
    key = f"copies/{identity}/{sha256_hex(name.encode())[:16]}"
    store.put_manifest("articles", key, canonical_json({"name": name}))
