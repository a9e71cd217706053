"""A study model's collection: every study of its dataset as one vector, with what a hit shows. Exact search.

Built once a model and dataset and never changed (``indexes/<model>/<dataset>``); a study that comes later is a segment
of one row. An archive of a hundred thousand studies is a matrix of 200 MB: scanning it takes milliseconds, so there are
no lists and no recall to lose.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.errors import IndexAbsent, IndexMismatch
from journalclip_inference.index.coverage import Add, NothingToShow
from journalclip_inference.index.manifest import STUDY_EDITION, segment_name
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies, Volumes
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import make_id
from journalclip_shared.kinds import Kind
from journalclip_shared.names import index as index_name
from journalclip_shared.ranks import rank_of
from journalclip_shared.records import Document
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import StructuredStudy
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawn

Progress = Callable[[int, int], None]


class StudyRow(Document):
    """What a hit shows of a study."""

    study_id: str
    patient: str
    split: Split | None = Field(None, description="None: the study came after the dataset was frozen.")
    descriptions: dict[SequenceName, str]
    volumes: dict[SequenceName, ArtifactRef]


class StudyIndex(Document):
    """The manifest of an index, or of one later segment of it."""

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
        self._held: tuple[str, StudyEncoder] | None = None

    def build(self, model: ModelManifest) -> ArtifactRef:
        name = index_name(model.model_id, model.dataset_id)
        found = self._store.find_manifest("models", name)
        return found or self._store.put_manifest("models", name, self._build(model).canonical())

    def prepare(self, model: ModelManifest) -> None:
        """There was no former edition."""

    def adder(self, model: ModelManifest) -> Add:
        encoder = self._encoder(model)

        def add(documents: Sequence[ArtifactRef]) -> None:
            found = [(StructuredStudy.model_validate_json(self._store.get(ref)), ref.uri) for ref in documents]
            study, _ = max(found, key=lambda each: (rank_of(each[0].structurer), each[1]))
            if not study.pairs:
                raise NothingToShow("no-pairs", f"{study.study_id} has no pair any more", "")
            if study.grid != encoder.grid:
                reason = f"{study.study_id} lies on the grid {study.grid}, the model reads {encoder.grid}"
                raise NothingToShow("study-grid-differs", reason, "Extract it on the model's grid.")
            volumes: Volumes = {each.sequence: _voxels(self._store.get(each.volume)) for each in study.volumes}
            part = self._part(model, encoder, [(study, None, volumes)], study.study_id)
            name = segment_name(model.model_id, model.dataset_id, study.study_id, STUDY_EDITION)
            self._store.put_manifest("models", name, part.canonical())

        return add

    def _build(self, model: ModelManifest) -> StudyIndex:
        return self._part(model, self._encoder(model), self._frozen(model), "studies")

    def _frozen(self, model: ModelManifest) -> Iterator[tuple[StructuredStudy, Split | None, Volumes]]:
        dataset = FrozenStudies.open(self._store, model.dataset)
        total = sum(len(dataset.studies(split)) for split in dataset.manifest.splits)
        done = 0
        for split in dataset.manifest.splits:
            studies = {study.study_id: study for study in dataset.studies(split)}
            for study_id, volumes in dataset.volumes(split):
                yield studies[study_id], split, volumes
                done += 1
                self._progress(done, total)

    def _part(
        self,
        model: ModelManifest,
        encoder: StudyEncoder,
        studies: Iterable[tuple[StructuredStudy, Split | None, Volumes]],
        part: str,
    ) -> StudyIndex:
        rows, vectors = [], []
        for study, split, volumes in studies:
            vectors.append(encoder.embed_studies([volumes])[0].study)
            rows.append(
                StudyRow(
                    study_id=study.study_id,
                    patient=study.patient,
                    split=split,
                    descriptions={pair.sequence: pair.text for pair in study.pairs},
                    volumes={each.sequence: each.volume for each in study.volumes},
                )
            )
        out = io.BytesIO()
        np.save(out, np.stack(vectors), allow_pickle=False)
        return StudyIndex(
            index_id=make_id("idx", model.model_id, model.dataset_id, part),
            model_id=model.model_id,
            dataset_id=model.dataset_id,
            dim=encoder.dim,
            grid=encoder.grid,
            vectors=self._store.put("models", out.getvalue(), "application/octet-stream"),
            rows=tuple(rows),
        )

    def _encoder(self, model: ModelManifest) -> StudyEncoder:
        if self._held is None or self._held[0] != model.model_id:
            folder = fetch_folder(self._store, model.files, self._cache / "models")
            self._held = (model.model_id, self._load(folder))
        return self._held[1]


def _voxels(data: bytes) -> NDArray[np.uint8]:
    try:
        image = nibabel.Nifti1Image.from_bytes(gzip.decompress(data))
        return np.asarray(image.dataobj, np.uint8)
    except (OSError, EOFError, zlib.error, ValueError, HeaderDataError) as error:
        raise PermanentError("volume-unreadable", f"a stored volume does not open: {error}", "") from error


@dataclass(frozen=True)
class StudyCollection:
    """An index and its segments, opened as one list of studies. ``segments``: how many there are."""

    rows: tuple[StudyRow, ...]
    vectors: NDArray[np.float32]
    segments: int = 0

    @classmethod
    def open(cls, store: ArtifactStore, model: ModelManifest) -> StudyCollection:
        """Raises `IndexAbsent`, `IndexMismatch`."""
        found = store.find_manifest("models", index_name(model.model_id, model.dataset_id))
        if found is None:
            raise IndexAbsent(model.model_id, model.dataset_id)
        segments = study_segments(store, model)
        refs = [found, *(ref for name in segments if (ref := store.find_manifest("models", name)) is not None)]
        parts = [_open(store, ref) for ref in refs]
        seen, kept = set[str](), list[tuple[StudyRow, NDArray[np.float32]]]()
        for index, vectors in parts:  # a study that stands in both counts once, as the base has it
            kept.extend((row, vectors[n]) for n, row in enumerate(index.rows) if row.study_id not in seen)
            seen.update(row.study_id for row in index.rows)
        return cls(tuple(row for row, _ in kept), np.stack([vector for _, vector in kept]), len(segments))

    @property
    def sources(self) -> frozenset[str]:
        """The studies that a search can find."""
        return frozenset(row.study_id for row in self.rows)

    def nearest(
        self, vector: NDArray[np.float32], k: int, taken: Withdrawn | None = None
    ) -> list[tuple[StudyRow, float]]:
        """The ``k`` best studies that are not withdrawn, best first."""
        scores = self.vectors @ vector
        order = np.argsort(-scores, kind="stable")
        shown = (n for n in order if not taken or taken.of_study(*_ids(self.rows[n])) is None)
        return [(self.rows[n], float(scores[n])) for n in islice(shown, k)]

    def count(self, taken: Withdrawn) -> int:
        """Studies that are not withdrawn."""
        return sum(taken.of_study(*_ids(row)) is None for row in self.rows)

    def row(self, study_id: str, taken: Withdrawn | None = None) -> StudyRow | None:
        """Raises `SourceWithdrawn`."""
        found = next((row for row in self.rows if row.study_id == study_id), None)
        if found is not None and taken and (word := taken.of_study(*_ids(found))) is not None:
            raise SourceWithdrawn(word, study_id)
        return found


def study_segments(store: ArtifactStore, model: ModelManifest) -> list[str]:
    """Names of the manifests of all segments that were added to an index."""
    return list(store.list_manifests("models", segment_name(model.model_id, model.dataset_id, "", STUDY_EDITION)))


def _open(store: ArtifactStore, ref: ArtifactRef) -> tuple[StudyIndex, NDArray[np.float32]]:
    index = StudyIndex.model_validate_json(store.get(ref))
    vectors = np.load(io.BytesIO(store.get(index.vectors)), allow_pickle=False)
    if vectors.shape != (len(index.rows), index.dim):
        raise IndexMismatch(f"{vectors.shape} vectors for {len(index.rows)} studies")
    return index, vectors


def _ids(row: StudyRow) -> tuple[str, str]:
    return row.study_id, row.patient
