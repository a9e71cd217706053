"""Nearest neighbours by cosine: exact for collections that fit a quick scan, inverted lists above that.

Both answer ``(scores, rows)`` sorted by falling score, ties by row, so that an answer never depends on the machine's
mood. Vectors are unit length, so a dot product is a cosine. A filter is a mask over rows and never costs recall: few
allowed rows are scanned exactly, many are left to the index, which passes over what is not allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Where scanning everything stops being quick: 200,000 x 512 floats are 400 MB, some 40 ms a query on one core.
EXACT_UP_TO = 200_000
# A filter that leaves this few rows is scanned exactly: cheaper than looking into lists for them, and never misses.
SCAN_UP_TO = 20_000


class Searcher(Protocol):
    """What an index over one matrix must do."""

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Vectors, Rows]:
        """The ``k`` best rows for a unit vector [D]; fewer where fewer are allowed."""
        ...


class Exact:
    """A scan of all rows (or of the allowed ones)."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Vectors, Rows]:
        if allowed is None:
            return _top(self._vectors @ query, None, k)
        rows = np.flatnonzero(allowed)
        return _top(self._vectors[rows] @ query, rows, k)


class Ivf:
    """Inverted lists on disk, mapped into memory; each query looks into ``probes`` of them."""

    def __init__(self, index: faiss.Index, vectors: Vectors, probes: int) -> None:
        self._index = index
        self._exact = Exact(vectors)
        self._probes = probes

    @classmethod
    def open(cls, path: Path, vectors: Vectors, probes: int) -> Ivf:
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY), vectors, probes)

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Vectors, Rows]:
        if allowed is not None and int(allowed.sum()) <= SCAN_UP_TO:
            return self._exact.search(query, k, allowed)
        parameters = _parameters(self._probes, allowed)
        scores, rows = self._index.search(np.ascontiguousarray(query[None], np.float32), k, params=parameters)
        found = rows[0] >= 0  # fewer than k were found: the rest is filled with -1
        return scores[0][found], rows[0][found].astype(np.int64)


def _parameters(probes: int, allowed: Mask | None) -> faiss.SearchParametersIVF:
    # faiss wraps its classes at import, so that keyword arguments and arrays work; its stubs show the bare C++ ones.
    if allowed is None:
        return faiss.SearchParametersIVF(nprobe=probes)  # type: ignore[call-arg]
    bitmap = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))  # type: ignore[call-arg, arg-type]
    return faiss.SearchParametersIVF(nprobe=probes, sel=bitmap)  # type: ignore[call-arg]


def _top(scores: Vectors, rows: Rows | None, k: int) -> tuple[Vectors, Rows]:
    count = min(k, len(scores))
    best = np.argpartition(-scores, count - 1)[:count] if 0 < count < len(scores) else np.arange(count)
    positions = best if rows is None else rows[best]
    order = np.lexsort((positions, -scores[best]))
    return scores[best][order], positions[order].astype(np.int64)
