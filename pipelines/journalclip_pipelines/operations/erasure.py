"""Erasing the bytes of what was withdrawn: files, pictures, volumes and documents that nothing else uses.

Of every object a tombstone is written first (address, digest, size; of a document its rows in the catalogue, which are
ids and digests), then the object is deleted. So an erasure that died is repeated, and what reads the store tells an
erased object from a lost one. Frozen datasets and indexes hold copies of many sources: their parts are written anew
without it (`journalclip_pipelines.operations.copies`). Models keep what they learned, and the receipt names them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from journalclip_catalogue.rows import Changes
from journalclip_pipelines.operations.copies import Copies
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactMissing, ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.catalogue.resolve import Resolver
from journalclip_shared.events import (
    ArticleSubmitted,
    Event,
    Fact,
    FiguresExtracted,
    PairsStructured,
    StudyStructured,
    VolumesExtracted,
)
from journalclip_shared.records.article import ExtractedArticle, Figure, FigurePart, Panel
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy, SubmittedStudy
from journalclip_shared.records.withdrawal import Erasure, Tombstone, Withdrawal


@dataclass(frozen=True)
class _Doomed:
    """An object to erase; ``rows`` of a document."""

    ref: ArtifactRef
    rows: str = ""


class Eraser:
    """Erases from one store. ``cache`` is this machine's own copies."""

    def __init__(self, store: ArtifactStore, engine: Engine, cache: Path) -> None:
        self._store, self._resolver, self._cache = store, Resolver(engine), cache

    def erase(self, word: Withdrawal) -> Erasure:
        """Erase what ``word`` withdrew. Raises `TransientError`, `ConfigurationError`."""
        own = self._own(word)
        doomed = {each.ref.uri: each for each in self._doomed(word, own)}
        shared = self._resolver.shared([each.ref.sha256 for each in doomed.values()], own)
        copies = Copies(self._store, word, self._delete)
        copies.rewrite_datasets()
        copies.rewrite_indexes()
        erased = list(copies.erased)
        for each in doomed.values():
            if each.ref.sha256 in shared:
                continue
            left = Tombstone(uri=each.ref.uri, sha256=each.ref.sha256, bytes=each.ref.bytes, rows=each.rows)
            self._delete(each.ref, left)
            erased.append(left)
        kept = {**copies.unreadable(), "models": self._models(copies.datasets), "shared": tuple(sorted(shared))}
        return Erasure(
            scope=word.scope,
            subject=word.subject,
            who=word.who,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            erased=tuple(erased),
            rewritten=copies.rewritten(),
            kept={what: ids for what, ids in kept.items() if ids},
        )

    def _own(self, word: Withdrawal) -> list[str]:
        """Articles or studies that the word is about, or that its part is of."""
        if word.scope in ("article", "study"):
            return [word.subject]
        return list(word.articles or self._resolver.members(word.scope, word.subject))

    def _doomed(self, word: Withdrawal, own: list[str]) -> Iterator[_Doomed]:
        if word.scope in ("figure", "pair"):
            shown = {picture.sha256 for picture in word.pictures}
            for source in own:
                yield from (each for each in self._of_source(source) if each.ref.sha256 in shown)
            return
        for source in own:
            yield from self._of_source(source)
            if source.startswith("std_"):
                yield from self._study(source)
        for delivery in word.deliveries:
            yield from self._delivery(delivery)

    def _of_source(self, source: str) -> Iterator[_Doomed]:
        """Pictures or volumes first, then the documents that name them."""
        deliveries = self._resolver.submissions(source)
        for stage, ref, items in self._resolver.documents(source):
            try:
                yield from map(_Doomed, _shown(self._store.get(ref), stage, source))
            except ArtifactMissing:  # an erasure that died, or one that is repeated
                continue
            changes = Changes()
            for fact in _facts(stage, source, ref, items, deliveries):
                changes.add(Event(fact, "erase"), self._store)
            yield _Doomed(ref, changes.dump())

    def _study(self, study: str) -> Iterator[_Doomed]:
        name = names.submitted(study)
        for each in [name, *self._store.list_manifests("studies", f"{name}/")]:
            for ref in self._manifest("studies", each):
                submitted = SubmittedStudy.model_validate_json(self._store.get(ref))
                yield from (_Doomed(series.volume) for series in submitted.series)
                if submitted.sealed is not None:  # the report's text, also where a vault keeps it
                    yield from (_Doomed(text) for text in (submitted.sealed.text, submitted.sealed.vault) if text)
                yield _Doomed(ref)

    def _delivery(self, delivery: str) -> Iterator[_Doomed]:
        from journalclip_intake.articles import submission

        for ref in self._manifest("articles", names.submitted(delivery)):
            fact = submission(self._store.get(ref))
            files = [fact.pdf] if isinstance(fact, ArticleSubmitted) else [each.ref for each in fact.files]
            yield from map(_Doomed, files)
            yield _Doomed(ref)
        for name in self._store.list_manifests("articles", f"copies/{delivery}/"):
            yield from map(_Doomed, self._manifest("articles", name))
        for name in self._store.list_manifests("figures", "delivered/"):
            if delivery in name.split("/"):
                yield from map(_Doomed, self._manifest("figures", name))

    def _manifest(self, bucket: Bucket, name: str) -> Iterator[ArtifactRef]:
        if (ref := self._store.find_manifest(bucket, name)) is not None:
            yield ref

    def _models(self, datasets: set[str]) -> tuple[str, ...]:
        """Models that learned from one of the datasets."""
        found = []
        for name in self._store.list_manifests("models", names.trained()):
            for ref in self._manifest("models", name):
                model = ModelManifest.model_validate_json(self._store.get(ref))
                if model.dataset_id in datasets:
                    found.append(model.model_id)
        return tuple(found)

    def _delete(self, ref: ArtifactRef, left: Tombstone | None) -> None:
        """The tombstone first, where there is to be one."""
        if left is not None and self._store.find_manifest("quarantine", names.tombstone(left.uri)) is None:
            self._store.put_manifest("quarantine", names.tombstone(left.uri), left.canonical())
        self._store.erase(ref)
        self._forget(ref)

    def _forget(self, ref: ArtifactRef) -> None:
        """Drop scaled pictures, drawn pages and fetched parts of indexes from this machine's cache."""
        folders = (self._cache / each for each in ("pictures", "", "indexes"))
        for path in [found for each in folders for found in each.glob(f"{ref.sha256}*")]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _shown(data: bytes, stage: str, source: str) -> Iterator[ArtifactRef]:
    """Everything that a document refers to and that is this source's own."""
    if source.startswith("std_"):
        study = (ExtractedStudy if stage == "extraction" else StructuredStudy).model_validate_json(data)
        yield from (volume.volume for volume in study.volumes)
        return
    if stage == "structuring":
        yield from (pair.image for pair in StructuredArticle.model_validate_json(data).pairs)
        return
    for figure in ExtractedArticle.model_validate_json(data).figures:
        parts: tuple[Figure | FigurePart | Panel, ...] = (figure, *figure.continued, *figure.panels)
        for each in parts:
            if each.image is not None:
                yield each.image


def _facts(stage: str, source: str, ref: ArtifactRef, items: int, deliveries: tuple[str, ...]) -> Iterator[Fact]:
    """The facts that announced a document."""
    if stage == "structuring":
        if source.startswith("std_"):
            yield StudyStructured(study_id=source, document=ref, pairs=items)
        else:
            yield PairsStructured(article_id=source, document=ref, pairs=items)
    elif source.startswith("std_"):
        yield VolumesExtracted(study_id=source, document=ref, volumes=items)
    else:
        for delivery in deliveries:
            known = "" if delivery == source else delivery
            yield FiguresExtracted(article_id=source, document=ref, figures=items, panels=0, delivery_id=known)
