"""The audit: walks log, store and registry, and proves what journalclip promises, or says what is broken.

* every submitted delivery is in exactly one final state (structured or quarantined) and none is left on the way;
* a dataset holds no pair twice, no article on two sides, and only pairs that stand in a structured document;
* every reference, in events and in documents, resolves to bytes of its digest;
* there is exactly one champion where a model was ever promoted, its manifest verifies, and the log names it last.

It only reads. A system at work has articles on their way: ``settled=False`` leaves those out.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from journalclip_intake.articles import submitted
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import (
    SUBMITTED,
    ArticleSubmitted,
    DatasetFrozen,
    Fact,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
    SourceQuarantined,
)
from journalclip_shared.history import events_of, facts_of
from journalclip_shared.ids import Json
from journalclip_shared.records import Document
from journalclip_shared.records.article import ExtractedArticle
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.registry import ModelRegistry

DocumentT = TypeVar("DocumentT", bound=Document)


@dataclass(frozen=True)
class Violation:
    """One broken promise: what kind, about what, and how."""

    code: str
    subject: str
    detail: str = ""


@dataclass
class Audit:
    """What was walked and what was found."""

    articles: int = 0
    pairs: int = 0
    datasets: int = 0
    references: int = 0
    states: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        found: list[Json] = [
            {"code": each.code, "subject": each.subject, "detail": each.detail} for each in self.violations
        ]
        return {
            "articles": self.articles,
            "pairs": self.pairs,
            "datasets": self.datasets,
            "references": self.references,
            "states": dict(self.states),
            "violations": found,
        }


def audit(bus: Bus, store: ArtifactStore, registry: ModelRegistry | None = None, settled: bool = True) -> Audit:
    """Walk everything. Raises `TransientError` where log, store or registry cannot be reached."""
    return _Walk(bus, store, registry, settled).go()


class _Walk:
    def __init__(self, bus: Bus, store: ArtifactStore, registry: ModelRegistry | None, settled: bool) -> None:
        self._bus, self._store, self._registry, self._settled = bus, store, registry, settled
        self._found = Audit()
        self._verified: set[str] = set()
        self._pairs: dict[str, str] = {}

    def go(self) -> Audit:
        self._articles()
        self._documents()
        for fact in {each.dataset_id: each for each in facts_of(self._bus, DatasetFrozen)}.values():
            self._dataset(fact)
        self._freezes()
        for trained in {each.model_id: each for each in facts_of(self._bus, ModelTrained)}.values():
            self._model(trained.manifest)
        if self._registry is not None:
            self._champion(self._registry)
        return self._found

    def _wrong(self, code: str, subject: str, detail: str = "") -> None:
        self._found.violations.append(Violation(code, subject, detail))

    def _articles(self) -> None:
        announced = {fact.key for kind in SUBMITTED for fact in facts_of(self._bus, kind)}
        stored = {fact.key: fact for fact in submitted(self._store)}
        for missing in sorted(announced - set(stored)):
            self._wrong("submission-unrecorded", missing, "announced, but its manifest is not in the store")
        for silent in sorted(set(stored) - announced):
            self._wrong("submission-unannounced", silent, "stored, but the log does not know it")
        last = self._last_words()
        for article in sorted(announced | set(stored)):
            state = last.get(article, "submitted")
            self._found.states[state] += 1
            if self._settled and state in {"submitted", "extracted"}:
                self._wrong("article-unfinished", article, f"its last state is {state}")
        for orphan in sorted(set(last) - announced - set(stored)):
            if orphan.startswith("art_"):
                self._wrong("article-unknown", orphan, f"{last[orphan]}, but never submitted")
        self._found.articles = len(announced | set(stored))
        for fact in stored.values():
            for ref in (fact.pdf,) if isinstance(fact, ArticleSubmitted) else (each.ref for each in fact.files):
                self._resolve(ref)

    def _last_words(self) -> dict[str, str]:
        """Each source's last state. Facts of one source follow each other in time, also across topics."""
        ranked: tuple[tuple[type[Fact], str], ...] = (
            (FiguresExtracted, "extracted"),
            (PairsStructured, "structured"),
            (SourceQuarantined, "quarantined"),
        )
        came_in: dict[str, set[str]] = defaultdict(set)
        for fact in facts_of(self._bus, FiguresExtracted):
            came_in[fact.article_id].add(fact.source)
        said = [
            (event.time, rank, source, state)
            for rank, (kind, state) in enumerate(ranked)
            for event in events_of(self._bus, kind)
            for source in _sources_of(event.fact, came_in)
        ]
        final: dict[str, str] = {}
        for _, _, source, state in sorted(said):
            if state != "extracted" or source not in final:  # a second delivery says again what came before
                final[source] = state
        return final

    def _documents(self) -> None:
        for extracted in {each.document.uri: each for each in facts_of(self._bus, FiguresExtracted)}.values():
            document = self._read(extracted.document, ExtractedArticle)
            for ref in _images(document) if document else ():
                self._resolve(ref)
        newest = {each.article_id: each.document for each in facts_of(self._bus, PairsStructured)}
        for ref in newest.values():
            structured = self._read(ref, StructuredArticle)
            for pair in structured.pairs if structured else ():
                if pair.pair_id in self._pairs:
                    self._wrong("pair-duplicate", pair.pair_id, f"in {ref.uri} and {self._pairs[pair.pair_id]}")
                self._pairs[pair.pair_id] = ref.uri
                self._resolve(pair.image)
        self._found.pairs = len(self._pairs)

    def _dataset(self, fact: DatasetFrozen) -> None:
        self._found.datasets += 1
        manifest = self._read(fact.manifest, DatasetManifest)
        if manifest is None:
            return
        if manifest.leaks.total:
            self._wrong("dataset-leaks", fact.dataset_id, str(manifest.leaks))
        if (count := sum(part.pairs for part in manifest.splits.values())) != fact.pairs:
            self._wrong("dataset-count", fact.dataset_id, f"{count} pairs in the manifest, {fact.pairs} in the event")
        for part in manifest.splits.values():
            for ref in (part.records, *part.shards):
                self._resolve(ref)

    def _freezes(self) -> None:
        announced = {fact.dataset_id for fact in facts_of(self._bus, DatasetFrozen)}
        for name in self._store.list_manifests("datasets", "freezes/"):
            ref = self._store.find_manifest("datasets", name)
            dataset = str(json.loads(self._store.get(ref))["fact"]["dataset_id"]) if ref is not None else ""
            if self._settled and dataset not in announced:
                self._wrong("dataset-unannounced", dataset, f"{name} says that it was frozen, the log does not")

    def _model(self, ref: ArtifactRef) -> bool:
        manifest = self._read(ref, ModelManifest)
        if manifest is None:
            return False
        resolved = [self._resolve(file.ref) for file in (*manifest.files, *manifest.start_files)]  # all are told
        return all(resolved)

    def _champion(self, registry: ModelRegistry) -> None:
        promoted = max(facts_of(self._bus, ModelPromoted), key=lambda fact: fact.sequence, default=None)
        champion = registry.by_alias("champion")
        models = [version.model_id for version in registry.versions()]
        for twice in sorted(model for model, count in Counter(models).items() if count > 1):
            self._wrong("model-registered-twice", twice)
        if champion is None:
            if promoted is not None:
                self._wrong("champion-missing", promoted.model_id, "promoted, but no version carries the alias")
            return
        if promoted is None or promoted.model_id != champion.model_id:
            said = promoted.model_id if promoted else "no model"
            self._wrong("champion-unannounced", champion.model_id, f"the log's last promotion is of {said}")
        if not self._model(champion.manifest):
            self._wrong("champion-broken", champion.model_id, "its files do not all verify")

    def _read(self, ref: ArtifactRef, kind: type[DocumentT]) -> DocumentT | None:
        if not self._resolve(ref):
            return None
        try:
            return kind.model_validate_json(self._store.get(ref))
        except ValidationError as error:
            self._wrong("document-invalid", ref.uri, f"{error.error_count()} errors")
            return None

    def _resolve(self, ref: ArtifactRef) -> bool:
        if ref.uri in self._verified:
            return True
        self._found.references += 1
        try:
            self._store.get(ref)
        except PermanentError as error:
            self._wrong(error.code, ref.uri, error.reason)
            return False
        self._verified.add(ref.uri)
        return True


def _sources_of(fact: Fact, came_in: Mapping[str, set[str]]) -> Iterable[str]:
    """The submissions that a fact is about: an article may have come in several."""
    return (fact.source,) if isinstance(fact, FiguresExtracted) else came_in.get(fact.key, {fact.key})


def _images(document: ExtractedArticle) -> Iterator[ArtifactRef]:
    for figure in document.figures:
        for image in (figure.image, *(panel.image for panel in figure.panels)):
            if image is not None:
                yield image
