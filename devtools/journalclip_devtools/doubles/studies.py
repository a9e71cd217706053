"""An archive of studies without volumes: phantoms' facts, their reports as the writer words them, read by our rules.

What a search may find is what the report reader made of the text; what is right is the phantom's own fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_inference.analysis import ANALYSIS, analyzer
from journalclip_inference.index.words import unpacked, write_words
from journalclip_inference.studies.index import StudyCollection, StudyIndex, StudyPart, row_of
from journalclip_inference.studies.reader import StudyReader
from journalclip_inference.studies.said import words_of_study
from journalclip_pipelines.studies.reports import report_of, study_of
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records.study import ExtractedVolume, StructuredStudy
from journalclip_structuring.report_rules import read_report
from journalclip_synthetic.studies.truth import StudyTruth, draw_truth

DIM = 16
_NONE = ArtifactRef(uri="artifact://studies/none", sha256="0" * 64, bytes=0, media_type="application/octet-stream")


@dataclass(frozen=True)
class Archive:
    """Studies by id, with what each shows."""

    truths: dict[str, StudyTruth]
    collection: StudyCollection
    reader: StudyReader

    def denied(self, study_id: str) -> set[str]:
        """Findings that the study's report says are not there."""
        return {each.term for each in study_of(self.truths[study_id]).findings if each.negated}


def archive(studies: int, folder: Path, seed: int = 0) -> Archive:
    """Vectors are noise, so that what is found is found by words."""
    truths = {f"std_{n:020d}": draw_truth(n, seed) for n in range(studies)}
    documents = [_document(name, truth) for name, truth in truths.items()]
    collection = _collection(documents, folder, seed)
    return Archive(truths, collection, StudyReader(collection, "1"))


def _document(study_id: str, truth: StudyTruth) -> StructuredStudy:
    volumes = tuple(
        ExtractedVolume(series_id=f"ser_{name}", sequence=name, confidence=1.0, volume=_NONE, spacing=(1.0, 1.0, 1.0))
        for name in truth.sequences
    )
    return StructuredStudy(
        study_id=study_id, patient=f"pat_{truth.patient:020d}", extractor="double", structurer="double", source=_NONE,
        grid=(1, 1, 1), volumes=volumes, record=read_report(report_of(truth)),
    )  # fmt: skip


def _collection(documents: Sequence[StructuredStudy], folder: Path, seed: int) -> StudyCollection:
    rows = tuple(row_of(each, "test", (each.volumes[0].sequence,)) for each in documents)
    said = (words_of_study(r.study_id, r.patient, r.said, r.facets, analyzer()) for r in rows)
    write_words(said, folder / "words.tar")
    vectors = np.random.default_rng(seed).standard_normal((len(rows), DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = StudyIndex(
        index_id="idx_double", model_id="mdl_double", dataset_id="ds_double", dim=DIM, grid=(1, 1, 1), vectors=_NONE,
        sequences=_NONE, words=_NONE, analysis=ANALYSIS, rows=rows,
    )  # fmt: skip
    part = StudyPart.of(index, unpacked(folder / "words.tar"), vectors, vectors)
    return StudyCollection("mdl_double", (part,))
