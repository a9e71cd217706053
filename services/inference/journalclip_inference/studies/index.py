"""A study model's collection: every study of its dataset as one vector, with what a hit shows. Exact search.

Built once a model and dataset and never changed (``indexes/<model>/<dataset>``); a study that comes later is a segment
of one row. An archive of a hundred thousand studies is a matrix of 200 MB: scanning it takes milliseconds, so there are
no lists and no recall to lose.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.analysis import ANALYSIS, analyzer
from journalclip_inference.errors import IndexAbsent, IndexMismatch
from journalclip_inference.index.collection import fetched
from journalclip_inference.index.coverage import Add, NothingToShow
from journalclip_inference.index.facets import Choices, Facets, Mask, add_counts
from journalclip_inference.index.manifest import STUDY_EDITION, index_name, segment_name
from journalclip_inference.index.vectors import Exact
from journalclip_inference.index.words import Words, unpacked, write_words
from journalclip_inference.search.legs import Found
from journalclip_inference.studies.said import StudyFilters, facet_tokens, sentences, words_of_study
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies, Volumes
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_modeling.studies.stored import voxels_of
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.ids import make_id
from journalclip_shared.kinds import Kind
from journalclip_shared.ranks import rank_of
from journalclip_shared.records import Document
from journalclip_shared.records.caption import RecordFlag
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
    split: Split | None = Field(None, description="None: the study came after the dataset was frozen.")
    descriptions: dict[SequenceName, str]
    volumes: dict[SequenceName, ArtifactRef]
    said: tuple[str, ...] = Field((), description="What the record says, in sentences: what words are searched in.")
    facets: tuple[str, ...] = ()
    embedded: tuple[SequenceName, ...] = Field((), description="Sequences with a vector of their own, in its order.")
    flags: tuple[RecordFlag, ...] = Field((), description="Of its record: what reviewers are to look at.")


class StudyIndex(Document):
    """The manifest of an index, or of one later segment of it."""

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
        name = index_name(model.model_id, model.dataset_id, STUDY_EDITION)
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
            volumes: Volumes = {each.sequence: voxels_of(self._store.get(each.volume)) for each in study.volumes}
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
        sequences: list[NDArray[np.float32]] = []
        for study, split, volumes in studies:
            found = encoder.embed_studies([volumes])[0]
            vectors.append(found.study)
            sequences.extend(found.sequences.values())
            rows.append(row_of(study, split, tuple(found.sequences)))
        return StudyIndex(
            index_id=make_id("idx", STUDY_EDITION, model.model_id, model.dataset_id, part),
            model_id=model.model_id,
            dataset_id=model.dataset_id,
            dim=encoder.dim,
            grid=encoder.grid,
            vectors=put_study_vectors(self._store, vectors, encoder.dim),
            sequences=put_study_vectors(self._store, sequences, encoder.dim),
            words=put_study_words(self._store, rows),
            analysis=ANALYSIS,
            rows=tuple(rows),
        )

    def _encoder(self, model: ModelManifest) -> StudyEncoder:
        if self._held is None or self._held[0] != model.model_id:
            folder = fetch_folder(self._store, model.files, self._cache / "models")
            self._held = (model.model_id, self._load(folder))
        return self._held[1]


def put_study_vectors(store: ArtifactStore, vectors: Sequence[NDArray[np.float32]], dim: int) -> ArtifactRef:
    """float32 [len(vectors), dim]."""
    out = io.BytesIO()
    np.save(out, np.concatenate([np.zeros((0, dim), np.float32), *(each[None] for each in vectors)]))
    return store.put("models", out.getvalue(), "application/octet-stream")


def put_study_words(store: ArtifactStore, rows: Sequence[StudyRow]) -> ArtifactRef:
    """What rows say, as a tar of a tantivy index."""
    reader = analyzer()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.tar"
        write_words((words_of_study(r.study_id, r.patient, r.said, r.facets, reader) for r in rows), path)
        return store.put_file("models", path, "application/x-tar")


def row_of(study: StructuredStudy, split: Split | None, embedded: tuple[SequenceName, ...]) -> StudyRow:
    return StudyRow(
        study_id=study.study_id,
        patient=study.patient,
        split=split,
        descriptions={pair.sequence: pair.text for pair in study.pairs},
        volumes={each.sequence: each.volume for each in study.volumes},
        said=sentences(study.record),
        facets=facet_tokens(study),
        embedded=embedded,
        flags=study.record.flags,
    )


@dataclass(frozen=True)
class StudyPart:
    """Studies of an index or a segment, as `journalclip_inference.search.legs.SearchedPart`."""

    rows: tuple[StudyRow, ...]
    words: Words
    matrix: NDArray[np.float32]  # [studies, dim]
    sequences: NDArray[np.float32]  # [sequences of all studies, dim]
    facets: Facets
    shown: Mask | None = None

    @classmethod
    def of(
        cls, index: StudyIndex, folder: Path, matrix: NDArray[np.float32], sequences: NDArray[np.float32]
    ) -> StudyPart:
        """``folder`` holds the words. Raises `IndexMismatch`."""
        if matrix.shape != (len(index.rows), index.dim):
            raise IndexMismatch(f"{matrix.shape} vectors for {len(index.rows)} studies")
        if len(sequences) != sum(len(row.embedded) for row in index.rows):
            raise IndexMismatch(f"{len(sequences)} vectors for the sequences of {len(index.rows)} studies")
        facets = Facets.of([row.facets for row in index.rows], StudyFilters.facets())
        return cls(index.rows, Words(folder, panels=_PANELS), matrix, sequences, facets)

    @property
    def hidden(self) -> int:
        return 0 if self.shown is None else int((~self.shown).sum())

    def vectors(self, by_caption: bool) -> NDArray[np.float32]:
        """A study has one vector, of its volumes."""
        del by_caption
        return self.matrix

    def showing(self, kept: Mask) -> StudyPart:
        """The same with fewer rows."""
        both = kept if self.shown is None else kept & self.shown
        return self if both.all() else replace(self, shown=both)


@dataclass(frozen=True)
class StudyCollection:
    """An index and its segments as `journalclip_inference.search.legs.Searched`. ``segments``: how many there are."""

    model_id: str
    parts: tuple[StudyPart, ...]
    segments: int = 0

    @classmethod
    def open(cls, store: ArtifactStore, cache: Path, model: ModelManifest) -> StudyCollection:
        """Raises `IndexAbsent`, `IndexMismatch`."""
        base = store.find_manifest("models", index_name(model.model_id, model.dataset_id, STUDY_EDITION))
        if base is None:
            raise IndexAbsent(model.model_id, model.dataset_id)
        segments = study_segments(store, model)
        refs = [base, *(ref for name in segments if (ref := store.find_manifest("models", name)) is not None)]
        seen, parts = set[str](), list[StudyPart]()
        for ref in refs:  # a study that stands in both counts once, as the base has it
            part = _open(store, cache, ref)
            parts.append(part.showing(np.array([row.study_id not in seen for row in part.rows], bool)))
            seen.update(row.study_id for row in part.rows)
        return cls(model.model_id, tuple(parts), len(segments))

    def __len__(self) -> int:
        return sum(len(part.rows) for part in self.parts)

    @property
    def rows(self) -> tuple[StudyRow, ...]:
        """The studies that a search can find."""
        return tuple(
            row for part in self.parts for n, row in enumerate(part.rows) if part.shown is None or part.shown[n]
        )

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(row.study_id for row in self.rows)

    @property
    def placed(self) -> list[tuple[int, StudyPart]]:
        starts = np.cumsum([0, *(len(part.rows) for part in self.parts)]).tolist()
        return list(zip(starts, self.parts, strict=False))

    def split(self, positions: Sequence[int]) -> list[tuple[int, StudyPart, list[int]]]:
        found = []
        for start, part in self.placed:
            here = [each - start for each in positions if start <= each < start + len(part.rows)]
            if here:
                found.append((start, part, here))
        return found

    def search(self, query: NDArray[np.float32], k: int, filters: Choices, by_caption: bool = False) -> list[Found]:
        """The ``k`` best studies for a unit vector [dim]."""
        del by_caption
        found: list[Found] = []
        for start, part in self.placed:
            mask = part.facets.mask(filters)
            if part.shown is not None:
                mask = part.shown if mask is None else mask & part.shown
            scores, rows = Exact(part.matrix).search(query, k, mask)
            found += [Found(float(score), start + int(row)) for score, row in zip(scores, rows, strict=True)]
        return sorted(found, key=lambda each: (-each.score, each.position))[:k]

    def counts(self, filters: Choices) -> dict[str, dict[str, int]]:
        return add_counts([part.facets.counts(filters, part.shown) for part in self.parts])

    def hiding(self, taken: Withdrawn) -> StudyCollection:
        """The same archive without what is withdrawn now."""
        if not taken:
            return self
        kept = [[taken.of_study(*_ids(row)) is None for row in part.rows] for part in self.parts]
        shown = (part.showing(np.array(each, bool)) for part, each in zip(self.parts, kept, strict=True))
        return replace(self, parts=tuple(shown))

    def nearest(
        self, vector: NDArray[np.float32], k: int, taken: Withdrawn | None = None
    ) -> list[tuple[StudyRow, float]]:
        """The ``k`` best studies that are not withdrawn, best first."""
        shown = self.hiding(taken) if taken else self
        return [(self.at(found.position)[0], found.score) for found in shown.search(vector, k, StudyFilters())]

    def count(self, taken: Withdrawn) -> int:
        """Studies that are not withdrawn."""
        return len(self.hiding(taken).rows)

    def row(self, study_id: str, taken: Withdrawn | None = None) -> StudyRow | None:
        """Raises `SourceWithdrawn`."""
        position = self.position(study_id)
        found = None if position is None else self.at(position)[0]
        if found is not None and taken and (word := taken.of_study(*_ids(found))) is not None:
            raise SourceWithdrawn(word, study_id)
        return found

    def position(self, study_id: str) -> int | None:
        """The first, as the base has it."""
        places = (
            start + n for start, part in self.placed for n, row in enumerate(part.rows) if row.study_id == study_id
        )
        return next(places, None)

    def at(self, position: int) -> tuple[StudyRow, NDArray[np.float32], NDArray[np.float32]]:
        """A study, its vector [dim], and those of its sequences [sequences, dim]."""
        ((_, part, (row,)),) = self.split([position])
        start = sum(len(each.embedded) for each in part.rows[:row])
        found = part.rows[row]
        return found, part.matrix[row], part.sequences[start : start + len(found.embedded)]


def study_segments(store: ArtifactStore, model: ModelManifest) -> list[str]:
    """Names of the manifests of all segments that were added to an index."""
    return list(store.list_manifests("models", segment_name(model.model_id, model.dataset_id, "", STUDY_EDITION)))


def _open(store: ArtifactStore, cache: Path, ref: ArtifactRef) -> StudyPart:
    index = StudyIndex.model_validate_json(store.get(ref))
    vectors, sequences = (
        np.load(io.BytesIO(store.get(each)), allow_pickle=False) for each in (index.vectors, index.sequences)
    )
    return StudyPart.of(index, unpacked(fetched(store, cache / "indexes", index.words)), vectors, sequences)


def _ids(row: StudyRow) -> tuple[str, str]:
    return row.study_id, row.patient
