"""Nearest neighbours by cosine: exact for collections that fit a quick scan, inverted lists above that.

Both answer ``(scores, rows)`` sorted by falling score, ties by row, so that an answer never depends on the machine's
mood; scores are always of the float vectors themselves. Vectors are unit length, so a dot product is a cosine. A filter
is a mask over rows and never costs recall: few allowed rows are scanned exactly, of many the codes are, in every list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast

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
# Rows that codes name for each one that is wanted. At 8 bits a dimension four times as many change no answer.
_CANDIDATES = 5


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
    """Inverted lists of 8-bit codes on disk, mapped: the codes name candidates, the vectors themselves order them.

    A query looks into ``probes`` lists. Under a filter it looks into all of them, since the best allowed rows may lie
    in lists that are far away; what is not allowed is passed over, so that costs less than it seems.
    """

    def __init__(self, index: faiss.IndexIVF, vectors: Vectors, probes: int) -> None:
        self._index = index
        self._vectors = vectors
        self._exact = Exact(vectors)
        self._probes = probes

    @classmethod
    def open(cls, path: Path, vectors: Vectors, probes: int) -> Ivf:
        index = cast(faiss.IndexIVF, faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY))
        lists = faiss.downcast_InvertedLists(index.invlists)  # type: ignore[arg-type]  # None only before training
        # Else each query starts threads that read ahead what is in memory already.
        cast(faiss.OnDiskInvertedLists, lists).prefetch_nthread = 0
        return cls(index, vectors, probes)

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Vectors, Rows]:
        if allowed is not None and int(allowed.sum()) <= SCAN_UP_TO:
            return self._exact.search(query, k, allowed)
        parameters = _parameters(self._probes if allowed is None else self._index.nlist, allowed)
        asked = np.ascontiguousarray(query[None], np.float32)
        rows = self._index.search(asked, _CANDIDATES * k, params=parameters)[1][0]
        candidates = np.sort(rows[rows >= 0]).astype(np.int64)  # what was not found is -1; sorted, pages are read once
        return _top(self._vectors[candidates] @ query, candidates, k)


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
