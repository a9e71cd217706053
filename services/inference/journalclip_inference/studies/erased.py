"""An index of studies without what was erased; see `journalclip_inference.index.erased`."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from journalclip_inference.index.erased import Filtered
from journalclip_inference.studies.index import StudyIndex, StudyRow, put_study_vectors, put_study_words
from journalclip_shared.artifacts import ArtifactStore


def filtered(store: ArtifactStore, stored: bytes, gone: Callable[[str, str], bool]) -> Filtered | None:
    """``gone`` is asked for a study's id and its patient. None where the index holds nothing of it."""
    index = StudyIndex.model_validate_json(stored)
    if not any(gone(row.study_id, row.patient) for row in index.rows):
        return None
    before = (index.vectors, index.sequences, index.words)
    vectors, sequences = (np.load(io.BytesIO(store.get(ref)), allow_pickle=False) for ref in before[:2])
    rows: list[StudyRow] = []
    whole, parts, start = [], [], 0
    for row, vector in zip(index.rows, vectors, strict=True):
        end = start + len(row.embedded)
        if not gone(row.study_id, row.patient):
            rows.append(row)
            whole.append(vector)
            parts.extend(sequences[start:end])
        start = end
    if not rows:
        return Filtered(before, None)
    changed = {
        "rows": tuple(rows), "vectors": put_study_vectors(store, whole, index.dim),
        "sequences": put_study_vectors(store, parts, index.dim), "words": put_study_words(store, rows),
    }  # fmt: skip
    return Filtered(before, index.model_copy(update=changed).canonical())
