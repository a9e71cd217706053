"""Nearest neighbours by cosine: exact for collections that fit a quick scan, inverted lists above that.

Both answer ``(scores, rows)`` sorted by falling score, ties by row, so that an answer never depends on the machine's
mood; scores are always of the float vectors themselves. Vectors are unit length, so a dot product is a cosine. A filter
is a mask over rows: few allowed rows are scanned exactly, of many the lists are searched as if they held no others.
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
# Where one row in n is allowed, the tenth of those is as far away as the 10 n-th of all, so n times the share of lists
# is searched that an unfiltered query needs, up to this many times: farther lists add nothing.
_WIDEST = 4
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
        if 2 * len(rows) > len(allowed):  # copying most rows costs more than scanning all
            scores = self._vectors @ query
            scores[~allowed] = -np.inf
            return _top(scores, None, min(k, len(rows)))
        return _top(self._vectors[rows] @ query, rows, k)


class Ivf:
    """Inverted lists of 8-bit codes on disk, mapped: the codes name candidates, the vectors themselves order them.

    A query looks into ``probes`` lists. Under a filter the lists without an allowed row are passed by and the others
    are taken, nearest first, until they hold a share of all allowed rows: however far from the query those lie, the
    nearest of them are looked at.
    """

    def __init__(self, index: faiss.IndexIVF, vectors: Vectors, probes: int) -> None:
        self._index = index
        self._vectors = vectors
        self._exact = Exact(vectors)
        self._probes = probes
        self._list_of: NDArray[np.int32] | None = None

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
        asked = np.ascontiguousarray(query[None], np.float32)
        if allowed is None:
            # faiss wraps its classes at import, so that keywords and arrays work; its stubs show the bare ones.
            parameters = faiss.SearchParametersIVF(nprobe=self._probes)  # type: ignore[call-arg]
            rows = self._index.search(asked, _CANDIDATES * k, params=parameters)[1][0]
        else:
            rows = self._search_allowed(asked, _CANDIDATES * k, allowed)
        candidates = np.sort(rows[rows >= 0]).astype(np.int64)  # what was not found is -1; sorted, pages are read once
        return _top(self._vectors[candidates] @ query, candidates, k)

    def _search_allowed(self, asked: Vectors, count: int, allowed: Mask) -> Rows:
        """Rows of the ``count`` best codes [count], -1 where there are fewer, from lists with allowed rows."""
        near, lists = self._index.quantizer.search(asked, self._index.nlist)
        held = np.bincount(self._lists_of_rows()[allowed], minlength=self._index.nlist)[lists[0]]
        seen = np.cumsum(held[held > 0])
        wider = min(_WIDEST, len(allowed) / max(1, int(seen[-1])))
        share = min(1.0, wider * self._probes / self._index.nlist)
        enough = max(int(np.searchsorted(seen, share * seen[-1])) + 1, min(self._probes, len(seen)))
        taken = np.ascontiguousarray(lists[0][held > 0][:enough])
        at = np.ascontiguousarray(near[0][held > 0][:enough])
        bitmap = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))  # type: ignore[call-arg, arg-type]
        parameters = faiss.SearchParametersIVF(nprobe=len(taken), sel=bitmap)  # type: ignore[call-arg]
        scores, rows = np.empty(count, np.float32), np.empty(count, np.int64)
        x, assigned, distances, best, found = (faiss.swig_ptr(each) for each in (asked, taken, at, scores, rows))
        # Only the bare call takes both lists and a selector.
        bare = self._index.search_preassigned_c  # type: ignore[attr-defined]
        bare(1, x, count, assigned, distances, best, found, False, parameters)
        return rows

    def _lists_of_rows(self) -> NDArray[np.int32]:
        """The list of each row, int32 [N]; read once from the index, with the first filter."""
        if self._list_of is None:
            lists = cast(faiss.InvertedLists, self._index.invlists)  # None only before training
            found = np.zeros(self._index.ntotal, np.int32)
            for number in range(self._index.nlist):
                size = lists.list_size(number)
                if size:
                    found[faiss.rev_swig_ptr(lists.get_ids(number), size)] = number
            self._list_of = found
        return self._list_of


def _top(scores: Vectors, rows: Rows | None, k: int) -> tuple[Vectors, Rows]:
    count = min(k, len(scores))
    best = np.argpartition(-scores, count - 1)[:count] if 0 < count < len(scores) else np.arange(count)
    positions = best if rows is None else rows[best]
    order = np.lexsort((positions, -scores[best]))
    return scores[best][order], positions[order].astype(np.int64)
