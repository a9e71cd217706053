"""Indexes without what was erased: the same rows, vectors and words, less the rows of it. Nothing is embedded again.

An index of figures is filtered here, one of studies in `journalclip_inference.studies.erased`; both are rewritten under
their own name, since a model is served from the index of that name.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_inference.index.build import put_ann, put_array, put_table, put_words
from journalclip_inference.index.manifest import IndexManifest
from journalclip_inference.index.projection import project
from journalclip_inference.index.rows import RowTable
from journalclip_inference.index.vectors import EXACT_UP_TO, Vectors
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.pair import Pair


@dataclass(frozen=True)
class Filtered:
    """An index's parts as they were, and the manifest of the rest; ``manifest`` is None where nothing is left."""

    before: tuple[ArtifactRef, ...]
    manifest: bytes | None


def filtered(store: ArtifactStore, stored: bytes, gone: Callable[[Pair, str | None], bool]) -> Filtered | None:
    """``stored``: the manifest of an index or segment of figures. None where it holds nothing that is ``gone``."""
    index = IndexManifest.model_validate_json(stored)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store.fetch(index.table, folder / "table")
        table = RowTable.read(folder / "table")
        rows = [table[n] for n in range(len(table))]
        kept = [n for n, row in enumerate(rows) if not gone(row.pair, row.journal)]
        if len(kept) == len(rows):
            return None
        before = [index.images, index.texts, index.table, index.words, index.map]
        before += [index.ann.index] if index.ann is not None else []
        if not kept:
            return Filtered(tuple(before), None)
        left = [rows[n] for n in kept]
        images, texts = (_array(store, each)[kept] for each in (index.images, index.texts))
        large = index.ann is not None and len(kept) > EXACT_UP_TO
        changed = {
            "pairs": len(kept), "images": put_array(store, images), "texts": put_array(store, texts),
            "ann": put_ann(store, images, texts, folder) if large else None, "map": put_array(store, project(images)),
            "table": put_table(store, left, folder), "words": put_words(store, left, folder),
        }  # fmt: skip
    return Filtered(tuple(before), index.model_copy(update=changed).canonical())


def _array(store: ArtifactStore, ref: ArtifactRef) -> Vectors:
    found: Vectors = np.load(io.BytesIO(store.get(ref)), allow_pickle=False)
    return found
