"""The audit: walks log, store and registry, and proves what journalclip promises, or says what is broken.

* every submission is in exactly one final state (structured or quarantined) and none is left on the way;
* a dataset holds no pair twice, no source on two sides, and only pairs that stand in a structured document;
* every reference, in events and in documents, resolves to bytes of its digest;
* every structured source with a pair is searchable under the champion, or a note says why nothing of it can be;
* each kind has exactly one champion where a model was ever promoted, its manifest verifies, and the log names it last.

It only reads, sources of every kind through `kinds.SourceKind`. A system at work has sources on their way:
``settled=False`` leaves those out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Engine

from journalclip_pipelines.kinds import SourceKind, every_kind
from journalclip_pipelines.operations.history import CatalogueHistory, History, LogHistory
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, manifest_ref
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.ids import Json
from journalclip_shared.kinds import KINDS, Kind
from journalclip_shared.records import Document as Record
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import ModelRegistry, ModelVersion
from journalclip_shared.withdrawals import tombstone_of

ManifestT = TypeVar("ManifestT", bound=Record)
ReadT = TypeVar("ReadT")


@dataclass(frozen=True)
class Violation:
    """One broken promise: what kind, about what, and how."""

    code: str
    subject: str
    detail: str = ""


@dataclass
class Audit:
    """What was walked and what was found."""

    sources: Counter[Kind] = field(default_factory=Counter)
    pairs: int = 0
    datasets: int = 0
    references: int = 0
    states: Counter[str] = field(default_factory=Counter)
    left_out_of_search: Counter[str] = field(default_factory=Counter)  # sources by the code of the reason
    violations: list[Violation] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        found: list[Json] = [
            {"code": each.code, "subject": each.subject, "detail": each.detail} for each in self.violations
        ]
        return {
            **{kind: self.sources[kind] for kind in KINDS},
            "pairs": self.pairs,
            "datasets": self.datasets,
            "references": self.references,
            "states": dict(self.states),
            "left_out_of_search": dict(self.left_out_of_search),
            "violations": found,
        }


def audit(
    bus: Bus,
    store: ArtifactStore,
    registries: Mapping[Kind, ModelRegistry],
    settled: bool = True,
    catalogue: Engine | None = None,
) -> Audit:
    """Walk everything. Without a kind's registry its aliases are not looked at.

    What was announced the ``catalogue`` says, and without one the whole log. Raises `TransientError` where log, store,
    registry or catalogue cannot be reached.
    """
    history = LogHistory(bus, store) if catalogue is None else CatalogueHistory(catalogue, store)
    return _Walk(bus, store, registries, settled, history).go()


class _Walk:
    def __init__(
        self,
        bus: Bus,
        store: ArtifactStore,
        registries: Mapping[Kind, ModelRegistry],
        settled: bool,
        history: History,
    ) -> None:
        self._history = history
        self._bus, self._store, self._registries, self._settled = bus, store, registries, settled
        self._found = Audit()
        self._verified: set[tuple[str, str]] = set()
        self._pairs: dict[str, str] = {}

    def go(self) -> Audit:
        for of in every_kind():
            self._sources(of)
            self._documents(of)
        self._found.pairs = len(self._pairs)
        announced = {each.dataset_id: each for each in self._history.datasets()}
        for fact in announced.values():
            self._dataset(fact)
        self._freezes(announced)
        for manifest in self._history.models():
            self._model(manifest)
        for where, why in self._history.unread():
            self._wrong("event-unprojected", where, why)
        for kind, registry in self._registries.items():
            self._champion(kind, registry)
        return self._found

    def _wrong(self, code: str, subject: str, detail: str = "") -> None:
        self._found.violations.append(Violation(code, subject, detail))

    def _sources(self, of: SourceKind) -> None:
        announced = self._history.submitted(of)
        stored = {fact.key: fact for fact in of.submitted_facts(self._store)}
        erased = {each for each in announced - set(stored) if self._erased(of, each)}
        for missing in sorted(announced - set(stored) - erased):
            self._wrong("submission-unrecorded", missing, "announced, but its manifest is not in the store")
        for silent in sorted(set(stored) - announced):
            self._wrong("submission-unannounced", silent, "stored, but the log does not know it")
        last = self._history.last_words(of)
        for source in sorted(announced | set(stored)):
            state = last.get(source, "submitted")
            self._found.states[state] += 1
            if self._settled and state in {"submitted", "extracted"}:
                self._wrong(f"{of.source}-unfinished", source, f"its last state is {state}")
        for orphan in sorted(set(last) - announced - set(stored)):
            refused = of.stores_no_refused and last[orphan] == "quarantined"
            if orphan.startswith(of.id_prefix) and not refused:
                self._wrong(f"{of.source}-unknown", orphan, f"{last[orphan]}, but never submitted")
        self._found.sources[of.kind] = len(announced | set(stored))
        for fact in stored.values():
            document = self._read(of.document_of(fact), partial(of.read_submitted, self._store, fact))
            for ref in document.refs if document else ():
                self._resolve(ref)

    def _erased(self, of: SourceKind, source: str) -> bool:
        return tombstone_of(self._store, manifest_ref(of.submissions, names.submitted(source), b"")) is not None

    def _documents(self, of: SourceKind) -> None:
        for ref in self._history.extracted(of):
            document = self._read(ref, partial(of.read_extracted, self._store, ref))
            for each in document.refs if document else ():
                self._resolve(each)
        for ref in self._history.newest(of):
            document = self._read(ref, partial(of.read_structured, self._store, ref))
            for each in document.refs if document else ():
                self._resolve(each)
            for pair, shown in (document.pairs if document else {}).items():
                if pair in self._pairs:
                    self._wrong("pair-duplicate", pair, f"in {ref.uri} and {self._pairs[pair]}")
                self._pairs[pair] = ref.uri
                self._resolve(shown)

    def _dataset(self, fact: DatasetFrozen) -> None:
        self._found.datasets += 1
        manifest = self._parsed(fact.manifest, DatasetManifest)
        if manifest is None:
            return
        if manifest.leaks.total:
            self._wrong("dataset-leaks", fact.dataset_id, str(manifest.leaks))
        if (count := sum(part.pairs for part in manifest.splits.values())) != fact.pairs:
            self._wrong("dataset-count", fact.dataset_id, f"{count} pairs in the manifest, {fact.pairs} in the event")
        for part in manifest.splits.values():
            for ref in part.refs:
                self._resolve(ref)

    def _freezes(self, announced: Container[str]) -> None:
        freezes = (name for kind in KINDS for name in self._store.list_manifests("datasets", names.freezes(kind)))
        for name in freezes:
            ref = self._store.find_manifest("datasets", name)
            dataset = str(json.loads(self._store.get(ref))["fact"]["dataset_id"]) if ref is not None else ""
            if self._settled and dataset not in announced:
                self._wrong("dataset-unannounced", dataset, f"{name} says that it was frozen, the log does not")

    def _model(self, ref: ArtifactRef) -> bool:
        manifest = self._parsed(ref, ModelManifest)
        if manifest is None:
            return False
        resolved = [self._resolve(file.ref) for file in (*manifest.files, *manifest.start_files)]  # all are told
        return all(resolved)

    def _champion(self, kind: Kind, registry: ModelRegistry) -> None:
        promoted = self._history.champion(kind)
        champion = registry.by_alias("champion")
        models = [version.model_id for version in registry.versions()]
        for twice in sorted(model for model, count in Counter(models).items() if count > 1):
            self._wrong("model-registered-twice", twice)
        if champion is None:
            if promoted is not None:
                self._wrong("champion-missing", promoted, "promoted, but no version carries the alias")
            return
        if promoted != champion.model_id:
            said = promoted or "no model"
            self._wrong("champion-unannounced", champion.model_id, f"the log's last promotion is of {said}")
        if not self._model(champion.manifest):
            self._wrong("champion-broken", champion.model_id, "its files do not all verify")
        else:
            self._coverage(kind, champion)

    def _coverage(self, kind: Kind, champion: ModelVersion) -> None:
        from journalclip_inference.index.coverage import StructuredSources, unsearchable  # of a champion alone

        model = self._parsed(champion.manifest, ModelManifest)
        if model is None or not self._resolve(model.dataset):
            return
        found = unsearchable(self._store, model, StructuredSources(self._bus, kind)())
        for source in sorted(found.missing) if self._settled else ():
            self._wrong("source-unsearchable", source, f"structured, but not in the index of {champion.model_id}")
        self._found.left_out_of_search.update(found.left_out.values())

    def _parsed(self, ref: ArtifactRef, model: type[ManifestT]) -> ManifestT | None:
        return self._read(ref, lambda: model.model_validate_json(self._store.get(ref)))

    def _read(self, ref: ArtifactRef, read: Callable[[], ReadT]) -> ReadT | None:
        if not self._resolve(ref):
            return None
        try:
            return read()
        except ValidationError as error:
            self._wrong("document-invalid", ref.uri, f"{error.error_count()} errors")
            return None

    def _resolve(self, ref: ArtifactRef) -> bool:
        if (ref.uri, ref.sha256) in self._verified:
            return True
        self._found.references += 1
        try:
            self._store.get(ref)
        except PermanentError as error:
            if tombstone_of(self._store, ref) is not None:
                return False  # erased on purpose
            self._wrong(error.code, ref.uri, error.reason)
            return False
        self._verified.add((ref.uri, ref.sha256))
        return True
