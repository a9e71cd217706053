"""A study model's collection: every study of its dataset as one vector, with what a hit shows. Exact search.

Built once a model and dataset and never changed (``indexes/<model>/<dataset>``). An archive of a hundred thousand
studies is a matrix of 200 MB: scanning it takes milliseconds, so there are no lists and no recall to lose.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.analysis import ANALYSIS, analyzer
from journalclip_inference.errors import IndexAbsent, IndexMismatch
from journalclip_inference.index.build import former_edition
from journalclip_inference.index.collection import fetched
from journalclip_inference.index.facets import Choices, Facets, Mask
from journalclip_inference.index.manifest import index_id, index_name
from journalclip_inference.index.vectors import Exact
from journalclip_inference.index.words import Words, unpacked, write_words
from journalclip_inference.search.legs import Found
from journalclip_inference.studies.said import StudyFilters, facet_tokens, sentences, words_of_study
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.records import Document
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import StructuredStudy
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawn

Progress = Callable[[int, int], None]
_PANELS = 10  # sentences of a study that a query may meet: what lists of rows allow for


class StudyRow(Document):
    """What a hit shows of a study."""

    study_id: str
    patient: str
    split: Split
    descriptions: dict[SequenceName, str]
    volumes: dict[SequenceName, ArtifactRef]
    said: tuple[str, ...] = Field((), description="What the record says, in sentences: what words are searched in.")
    facets: tuple[str, ...] = ()
    embedded: tuple[SequenceName, ...] = Field((), description="Sequences with a vector of their own, in its order.")


class StudyIndex(Document):
    """The manifest."""

    index_id: str
    model_id: str
    dataset_id: str
    dim: int
    grid: tuple[int, int, int]
    vectors: ArtifactRef
    sequences: ArtifactRef = Field(description="float32 [sequences of all studies, dim] as .npy, study after study.")
    words: ArtifactRef = Field(description="Tar of a tantivy index, as of figures; see `index.words`.")
    analysis: str
    rows: tuple[StudyRow, ...]


def quiet(done: int, total: int) -> None:
    """Progress that shows nothing."""
    del done, total


class StudyIndexer:
    """`journalclip_inference.handler.Indexer` of studies."""

    kind: Kind = "studies"

    def __init__(self, store: ArtifactStore, cache: Path, progress: Progress = quiet) -> None:
        self._store, self._cache, self._progress = store, cache, progress

    def build(self, model: ModelManifest) -> ArtifactRef:
        name = index_name(model.model_id, model.dataset_id)
        found = self._store.find_manifest("models", name)
        if found is not None:
            return found
        former = former_edition(self._store, model.model_id, model.dataset_id)
        made = self._reworded(model, former) if former is not None else self._build(model)
        return self._store.put_manifest("models", name, made.canonical())

    def _reworded(self, model: ModelManifest, former: str) -> StudyIndex:
        """With the words of the present analysis; nothing is embedded again."""
        ref = self._store.find_manifest("models", index_name(model.model_id, model.dataset_id, former))
        if ref is None:
            raise IndexMismatch(f"the index {former} of {model.model_id} is gone")
        before = StudyIndex.model_validate_json(self._store.get(ref))
        words = self._words(before.rows)
        return before.model_copy(update={"index_id": _index_id(model), "words": words, "analysis": ANALYSIS})

    def _build(self, model: ModelManifest) -> StudyIndex:
        encoder = StudyEncoder.load(fetch_folder(self._store, model.files, self._cache / "models"))
        dataset = FrozenStudies.open(self._store, model.dataset)
        rows, vectors = [], []
        sequences: list[NDArray[np.float32]] = []
        total = sum(len(dataset.studies(split)) for split in dataset.manifest.splits)
        for split in dataset.manifest.splits:
            studies = {study.study_id: study for study in dataset.studies(split)}
            for study_id, volumes in dataset.volumes(split):
                found = encoder.embed_studies([volumes])[0]
                vectors.append(found.study)
                sequences.extend(found.sequences.values())
                rows.append(row_of(studies[study_id], split, tuple(found.sequences)))
                self._progress(len(rows), total)
        return StudyIndex(
            index_id=_index_id(model),
            model_id=model.model_id,
            dataset_id=model.dataset_id,
            dim=encoder.dim,
            grid=encoder.grid,
            vectors=self._put(vectors),
            sequences=self._put(sequences),
            words=self._words(rows),
            analysis=ANALYSIS,
            rows=tuple(rows),
        )

    def _put(self, vectors: Sequence[NDArray[np.float32]]) -> ArtifactRef:
        out = io.BytesIO()
        np.save(out, np.stack(vectors), allow_pickle=False)
        return self._store.put("models", out.getvalue(), "application/octet-stream")

    def _words(self, rows: Sequence[StudyRow]) -> ArtifactRef:
        reader = analyzer()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.tar"
            write_words((words_of_study(r.study_id, r.patient, r.said, r.facets, reader) for r in rows), path)
            return self._store.put_file("models", path, "application/x-tar")


def _index_id(model: ModelManifest) -> str:
    return index_id(model.model_id, model.dataset_id, "studies")


def row_of(study: StructuredStudy, split: Split, embedded: tuple[SequenceName, ...]) -> StudyRow:
    return StudyRow(
        study_id=study.study_id,
        patient=study.patient,
        split=split,
        descriptions={pair.sequence: pair.text for pair in study.pairs},
        volumes={each.sequence: each.volume for each in study.volumes},
        said=sentences(study.record),
        facets=facet_tokens(study),
        embedded=embedded,
    )


@dataclass(frozen=True)
class StudyPart:
    """All studies of an index, as `journalclip_inference.search.legs.SearchedPart`."""

    words: Words
    rows: NDArray[np.float32]
    shown: Mask | None = None

    @property
    def hidden(self) -> int:
        return 0 if self.shown is None else int((~self.shown).sum())

    def vectors(self, by_caption: bool) -> NDArray[np.float32]:
        """A study has one vector, of its volumes."""
        del by_caption
        return self.rows


@dataclass(frozen=True)
class StudyCollection:
    """An index, opened: `journalclip_inference.search.legs.Searched` of one part."""

    index: StudyIndex
    part: StudyPart
    sequences: NDArray[np.float32]
    facets: Facets

    @classmethod
    def open(cls, store: ArtifactStore, cache: Path, model: ModelManifest) -> StudyCollection:
        """Raises `IndexAbsent`, `IndexMismatch`."""
        ref = store.find_manifest("models", index_name(model.model_id, model.dataset_id))
        if ref is None:
            raise IndexAbsent(model.model_id, model.dataset_id)
        index = StudyIndex.model_validate_json(store.get(ref))
        vectors = np.load(io.BytesIO(store.get(index.vectors)), allow_pickle=False)
        sequences = np.load(io.BytesIO(store.get(index.sequences)), allow_pickle=False)
        if vectors.shape != (len(index.rows), index.dim):
            raise IndexMismatch(f"{vectors.shape} vectors for {len(index.rows)} studies")
        if len(sequences) != sum(len(row.embedded) for row in index.rows):
            raise IndexMismatch(f"{len(sequences)} vectors for the sequences of {len(index.rows)} studies")
        words = Words(unpacked(fetched(store, cache / "indexes", index.words)), panels=_PANELS)
        facets = Facets.of([row.facets for row in index.rows], StudyFilters.facets())
        return cls(index, StudyPart(words, vectors), sequences, facets)

    def __len__(self) -> int:
        return len(self.index.rows)

    @property
    def placed(self) -> list[tuple[int, StudyPart]]:
        return [(0, self.part)]

    def split(self, positions: Sequence[int]) -> list[tuple[int, StudyPart, list[int]]]:
        return [(0, self.part, list(positions))] if positions else []

    def search(self, query: NDArray[np.float32], k: int, filters: Choices, by_caption: bool = False) -> list[Found]:
        """The ``k`` best studies for a unit vector [dim]."""
        del by_caption
        mask = self.facets.mask(filters)
        if self.part.shown is not None:
            mask = self.part.shown if mask is None else mask & self.part.shown
        scores, rows = Exact(self.part.rows).search(query, k, mask)
        return [Found(float(score), int(row)) for score, row in zip(scores, rows, strict=True)]

    def hiding(self, taken: Withdrawn) -> StudyCollection:
        """The same archive without what is withdrawn now."""
        if not taken:
            return self
        shown = np.array([taken.of_study(*_ids(row)) is None for row in self.index.rows], bool)
        return self if shown.all() else replace(self, part=replace(self.part, shown=shown))

    def nearest(
        self, vector: NDArray[np.float32], k: int, taken: Withdrawn | None = None
    ) -> list[tuple[StudyRow, float]]:
        """The ``k`` best studies that are not withdrawn, best first."""
        shown = self.hiding(taken) if taken else self
        return [(self.index.rows[found.position], found.score) for found in shown.search(vector, k, StudyFilters())]

    def count(self, taken: Withdrawn) -> int:
        """Studies that are not withdrawn."""
        return len(self) - self.hiding(taken).part.hidden

    def row(self, study_id: str, taken: Withdrawn | None = None) -> StudyRow | None:
        """Raises `SourceWithdrawn`."""
        position = self.position(study_id)
        found = None if position is None else self.index.rows[position]
        if found is not None and taken and (word := taken.of_study(*_ids(found))) is not None:
            raise SourceWithdrawn(word, study_id)
        return found

    def position(self, study_id: str) -> int | None:
        return next((n for n, row in enumerate(self.index.rows) if row.study_id == study_id), None)

    def of_sequences(self, position: int, vector: NDArray[np.float32]) -> dict[SequenceName, float]:
        """Cosine of a vector with each sequence of a study."""
        start = sum(len(row.embedded) for row in self.index.rows[:position])
        names = self.index.rows[position].embedded
        cosines = self.sequences[start : start + len(names)] @ vector
        return {name: float(cosine) for name, cosine in zip(names, cosines, strict=True)}


def _ids(row: StudyRow) -> tuple[str, str]:
    return row.study_id, row.patient
