"""A study model's collection: every study of its dataset as one vector, with what a hit shows. Exact search.

Built once a model and dataset and never changed (``indexes/<model>/<dataset>``). An archive of a hundred thousand
studies is a matrix of 200 MB: scanning it takes milliseconds, so there are no lists and no recall to lose.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from journalclip_inference.errors import IndexAbsent, IndexMismatch
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.ids import make_id
from journalclip_shared.kinds import Kind
from journalclip_shared.names import index as index_name
from journalclip_shared.records import Document
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import SequenceName
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawn

Progress = Callable[[int, int], None]


class StudyRow(Document):
    """What a hit shows of a study."""

    study_id: str
    patient: str
    split: Split
    descriptions: dict[SequenceName, str]
    volumes: dict[SequenceName, ArtifactRef]


class StudyIndex(Document):
    """The manifest."""

    index_id: str
    model_id: str
    dataset_id: str
    dim: int
    grid: tuple[int, int, int]
    vectors: ArtifactRef
    rows: tuple[StudyRow, ...]


def quiet(done: int, total: int) -> None:
    """Progress that shows nothing."""
    del done, total


class StudyIndexer:
    """`journalclip_inference.handler.Indexer` of studies."""

    kind: Kind = "studies"

    def __init__(
        self,
        store: ArtifactStore,
        cache: Path,
        progress: Progress = quiet,
        load: Callable[[Path], StudyEncoder] = StudyEncoder.load,
    ) -> None:
        self._store, self._cache, self._progress, self._load = store, cache, progress, load

    def build(self, model: ModelManifest) -> ArtifactRef:
        name = index_name(model.model_id, model.dataset_id)
        found = self._store.find_manifest("models", name)
        return found or self._store.put_manifest("models", name, self._build(model).canonical())

    def _build(self, model: ModelManifest) -> StudyIndex:
        encoder = self._load(fetch_folder(self._store, model.files, self._cache / "models"))
        dataset = FrozenStudies.open(self._store, model.dataset)
        rows, vectors = [], []
        total = sum(len(dataset.studies(split)) for split in dataset.manifest.splits)
        for split in dataset.manifest.splits:
            studies = {study.study_id: study for study in dataset.studies(split)}
            for study_id, volumes in dataset.volumes(split):
                study = studies[study_id]
                vectors.append(encoder.embed_studies([volumes])[0].study)
                rows.append(
                    StudyRow(
                        study_id=study_id,
                        patient=study.patient,
                        split=split,
                        descriptions={pair.sequence: pair.text for pair in study.pairs},
                        volumes={each.sequence: each.volume for each in study.volumes},
                    )
                )
                self._progress(len(rows), total)
        out = io.BytesIO()
        np.save(out, np.stack(vectors), allow_pickle=False)
        return StudyIndex(
            index_id=make_id("idx", model.model_id, model.dataset_id, "studies"),
            model_id=model.model_id,
            dataset_id=model.dataset_id,
            dim=encoder.dim,
            grid=encoder.grid,
            vectors=self._store.put("models", out.getvalue(), "application/octet-stream"),
            rows=tuple(rows),
        )


@dataclass(frozen=True)
class StudyCollection:
    """An index, opened."""

    index: StudyIndex
    vectors: NDArray[np.float32]

    @classmethod
    def open(cls, store: ArtifactStore, model: ModelManifest) -> StudyCollection:
        """Raises `IndexAbsent`, `IndexMismatch`."""
        found = store.find_manifest("models", index_name(model.model_id, model.dataset_id))
        if found is None:
            raise IndexAbsent(model.model_id, model.dataset_id)
        index = StudyIndex.model_validate_json(store.get(found))
        vectors = np.load(io.BytesIO(store.get(index.vectors)), allow_pickle=False)
        if vectors.shape != (len(index.rows), index.dim):
            raise IndexMismatch(f"{vectors.shape} vectors for {len(index.rows)} studies")
        return cls(index, vectors)

    def nearest(
        self, vector: NDArray[np.float32], k: int, taken: Withdrawn | None = None
    ) -> list[tuple[StudyRow, float]]:
        """The ``k`` best studies that are not withdrawn, best first."""
        scores = self.vectors @ vector
        order = np.argsort(-scores, kind="stable")
        shown = (n for n in order if not taken or taken.of_study(*_ids(self.index.rows[n])) is None)
        return [(self.index.rows[n], float(scores[n])) for n in islice(shown, k)]

    def count(self, taken: Withdrawn) -> int:
        """Studies that are not withdrawn."""
        return sum(taken.of_study(*_ids(row)) is None for row in self.index.rows)

    def row(self, study_id: str, taken: Withdrawn | None = None) -> StudyRow | None:
        """Raises `SourceWithdrawn`."""
        found = next((row for row in self.index.rows if row.study_id == study_id), None)
        if found is not None and taken and (word := taken.of_study(*_ids(found))) is not None:
            raise SourceWithdrawn(word, study_id)
        return found


def _ids(row: StudyRow) -> tuple[str, str]:
    return row.study_id, row.patient
