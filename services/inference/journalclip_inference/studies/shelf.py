"""The champion among study models with its collection, and the studies that readers dropped a moment ago.

Dropped studies live in memory only, the newest few: they are a question, not part of the archive. The champion is
looked at again when a study is dropped; a new one is loaded beside the old one and takes its place by one assignment.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from journalclip_inference.errors import CoverageBehind, NoChampion, NotFound
from journalclip_inference.index.coverage import Change
from journalclip_inference.search import asking
from journalclip_inference.search.query import cleaned
from journalclip_inference.search.ranker import Mode
from journalclip_inference.snapshot import longer_than
from journalclip_inference.studies.findings import Comparison, compare
from journalclip_inference.studies.index import StudyCollection, StudyRow, study_segments
from journalclip_inference.studies.reader import StudiesAnswer, StudyReader
from journalclip_inference.studies.said import StudyFilters
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import Volumes
from journalclip_modeling.studies.encoder import StudyEncoder, StudyVectors
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import DeidReport, LeftOut
from journalclip_shared.registry import ModelRegistry, ModelVersion
from journalclip_shared.withdrawals import Withdrawn

_log = logging.getLogger(__name__)

KEPT = 16  # studies of a few megabytes each


@dataclass(frozen=True)
class DroppedSeries:
    """What was made of a series."""

    sequence: SequenceName
    confidence: float
    by: str


@dataclass(frozen=True)
class DroppedStudy:
    """A study as the reader hands it over: de-identified, on the model's grid."""

    volumes: Volumes
    spacing: tuple[float, float, float]
    series: tuple[DroppedSeries, ...]
    left_out: tuple[LeftOut, ...]
    deid: DeidReport


class DroppedStudyReader(Protocol):
    """Reads what was dropped; given by whoever wires the service, since reading is extraction's craft."""

    def read(self, files: Sequence[tuple[str, bytes]], grid: tuple[int, int, int]) -> DroppedStudy:
        """Raises `PermanentError` with the codes of studies and sandbox."""
        ...


@dataclass(frozen=True)
class Champion:
    """One model with its collection."""

    version: str
    manifest: ModelManifest
    encoder: StudyEncoder
    collection: StudyCollection
    reader: StudyReader


@dataclass(frozen=True)
class Asked:
    """A dropped study with its answer."""

    query_id: str
    study: DroppedStudy
    vectors: StudyVectors
    similar: tuple[tuple[StudyRow, float], ...]
    findings: Comparison
    champion: Champion

    def key_slice(self) -> tuple[SequenceName, np.ndarray]:
        """The sequence and slice that weighed most: what published figures are searched with."""
        sequence = max(self.vectors.weights, key=lambda name: self.vectors.weights[name])
        return sequence, self.study.volumes[sequence][int(self.vectors.slices[sequence].argmax())]


class StudyShelf:
    """Answers dropped studies. Any number of threads may ask."""

    def __init__(
        self,
        store: ArtifactStore,
        registry: ModelRegistry,
        cache: Path,
        reader: DroppedStudyReader | None,
        taken: Callable[[], Withdrawn] = Withdrawn,
    ) -> None:
        self.taken = taken  # what is withdrawn now
        self._store, self._registry, self._cache, self._reader = store, registry, cache, reader
        self._lock = threading.Lock()
        self._champion: Champion | None = None
        self._asked: OrderedDict[str, Asked] = OrderedDict()

    @property
    def reads(self) -> bool:
        """Whether this process can read dropped studies."""
        return self._reader is not None

    def champion(self) -> Champion:
        """With all segments. A new one that lacks what is searchable now has to wait (see `index.coverage`).

        Raises `NoChampion`, `IndexAbsent`, and what loading raises.
        """
        version = self._registry.by_alias("champion")
        if version is None:
            raise NoChampion
        with self._lock:
            held = self._champion
            if held is None or held.version != version.version:
                self._champion = self._next(held, version)
            elif len(study_segments(self._store, held.manifest)) != held.collection.segments:
                collection = StudyCollection.open(self._store, self._cache, held.manifest)
                self._champion = replace(held, collection=collection, reader=StudyReader(collection, held.version))
            assert self._champion is not None
            return self._champion

    def _next(self, held: Champion | None, version: ModelVersion) -> Champion:
        manifest = ModelManifest.model_validate_json(self._store.get(version.manifest))
        collection = StudyCollection.open(self._store, self._cache, manifest)
        if held is not None:
            before, after = held.collection.sources, collection.sources
            try:
                Change("studies", manifest.model_id, manifest.dataset_id, before, after).check(self._store)
            except CoverageBehind as error:
                _log.warning("the former champion of studies stays: %s", error)
                return held
        encoder = StudyEncoder.load(fetch_folder(self._store, manifest.files, self._cache / "models"))
        return Champion(version.version, manifest, encoder, collection, StudyReader(collection, version.version))

    def search(self, text: str, k: int, filters: StudyFilters, mode: Mode) -> StudiesAnswer:
        """Studies of the archive by words. Raises `NoChampion`, `IndexAbsent`, `QueryInvalid`."""
        champion, said = self.champion(), cleaned(text)
        encoder = champion.encoder
        cut = longer_than(encoder.model.config.text.context, encoder.tokenizer, [said])[0]
        asked = asking.Asked(text, encoder.embed_texts([said])[0], k, filters, mode)
        return champion.reader.hiding(self.taken()).search(asked).model_copy(update={"cut": cut})

    def similar(self, study_id: str, k: int, filters: StudyFilters) -> StudiesAnswer:
        """Studies that look like one of the archive. Raises `NotFound`, `SourceWithdrawn`, and as `champion`."""
        reader, taken = self.champion().reader, self.taken()
        reader.refuse(study_id, taken)
        return reader.hiding(taken).similar(study_id, k, filters)

    def rows(self) -> tuple[StudyRow, ...]:
        """The studies of the archive that are not withdrawn. Raises as `champion`."""
        return self.champion().collection.hiding(self.taken()).rows

    def require(self, study_id: str) -> None:
        """Raises `NotFound` for a study that is not in the archive, `SourceWithdrawn`, and as `champion`."""
        if self.champion().collection.row(study_id, self.taken()) is None:
            raise NotFound("study", study_id)

    def ask(self, files: Sequence[tuple[str, bytes]], candidates: Sequence[str], k: int) -> Asked:
        """Read, embed, search, compare. Raises `NotFound` where this process reads no studies."""
        if self._reader is None:
            raise NotFound("reader of studies", "this server")
        champion = self.champion()
        study = self._reader.read(files, champion.encoder.grid)
        vectors = champion.encoder.embed_studies([study.volumes])[0]
        asked = Asked(
            query_id=secrets.token_hex(12),
            study=study,
            vectors=vectors,
            similar=tuple(champion.collection.nearest(vectors.study, k, self.taken())),
            findings=compare(champion.encoder, vectors, candidates),
            champion=champion,
        )
        with self._lock:
            self._asked[asked.query_id] = asked
            while len(self._asked) > KEPT:
                self._asked.popitem(last=False)
        return asked

    def asked(self, query_id: str) -> Asked:
        """Raises `NotFound` for one that was never dropped, or too long ago."""
        with self._lock:
            found = self._asked.get(query_id)
        if found is None:
            raise NotFound("dropped study", query_id)
        return found
