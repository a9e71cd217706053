"""How many scores lie above, and level with, a threshold: the one loop over all image-text scores.

Scores are dot products of float32 unit vectors, computed block by block, so memory depends on the block and not on the
number of pairs; one block serves both directions. Two scores closer than `TIE` are level: float32 cannot tell them
apart, since the same dot product differs by about this much between two ways of adding it up.

A block's largest score for a query is found first, and scores are counted only for queries that one of them reaches:
for a model that ranks well that is few of them, and a maximum costs a fifth of the four comparisons and counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TIE = 1e-6  # 8 units in the last place at 1.0; a 512-term float32 dot product of unit vectors errs by 1e-7 to 6e-7
_ROWS = 1024  # with _COLUMNS: a score block of 32 MiB, wide enough for full matrix-multiply speed
_COLUMNS = 8192
_LANES = 128  # bytes summed before any can overflow (255), a power of two that divides both block sides


class Rows(Protocol):
    """Vectors that need not be in memory at once: an array, or a file read by slices."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> Floats: ...


@dataclass(frozen=True)
class Counts:
    """Per query: gallery items scored above its threshold, and level with it (its own positive included)."""

    above: Ints
    level: Ints


def count_both(images: Rows, texts: Rows, image_threshold: Floats, text_threshold: Floats) -> tuple[Counts, Counts]:
    """Counts for every image over all texts, and for every text over all images; each score is computed once."""
    by_image, by_text = _Tally(image_threshold), _Tally(text_threshold)
    for rows, columns, scores in _score_blocks(images, texts):
        by_image.add(scores, rows, axis=1)
        by_text.add(scores, columns, axis=0)
    return by_image.counts(), by_text.counts()


def count(queries: Rows, gallery: Rows, threshold: Floats) -> Counts:
    """Counts for every query over the whole gallery."""
    tally = _Tally(threshold)
    for rows, _, scores in _score_blocks(queries, gallery):
        tally.add(scores, rows, axis=1)
    return tally.counts()


def _score_blocks(queries: Rows, gallery: Rows) -> Iterator[tuple[slice, slice, Floats]]:
    """Rows, columns and their scores, valid until the next is asked for: one buffer serves all, a new one each time
    would cost as much as the product itself (every page of it is touched for the first time)."""
    buffer = np.empty(_ROWS * _COLUMNS, np.float32)
    for columns in _blocks(gallery.shape[0], _COLUMNS):
        block = gallery[columns]
        for rows in _blocks(queries.shape[0], _ROWS):
            asked = queries[rows]
            scores = buffer[: len(asked) * len(block)].reshape(len(asked), len(block))
            np.matmul(asked, block.T, out=scores)
            yield rows, columns, scores


class _Tally:
    """Running counts against one threshold a query."""

    def __init__(self, threshold: Floats) -> None:
        self._high, self._low = threshold + np.float32(TIE), threshold - np.float32(TIE)
        self._above = np.zeros(len(threshold), np.int64)
        self._reaching = np.zeros(len(threshold), np.int64)

    def add(self, scores: Floats, queries: slice, axis: int) -> None:
        """``axis`` is the gallery's axis of ``scores``."""
        reached = np.flatnonzero(scores.max(axis) >= self._low[queries])
        if 2 * len(reached) > scores.shape[1 - axis]:  # picking most of them out costs more than counting all
            self._count(scores, np.arange(scores.shape[1 - axis]), queries, axis)
        elif len(reached):
            self._count(scores.take(_eights(reached), 1 - axis), reached, queries, axis)

    def _count(self, scores: Floats, places: Ints, queries: slice, axis: int) -> None:
        """``places`` of the block's queries are the first of ``scores``; what follows them repeats the last."""
        rows = queries.start + places
        high, low = (
            np.expand_dims(side[_like(rows, scores.shape[1 - axis])], axis) for side in (self._high, self._low)
        )
        self._above[rows] += true_count(scores > high, axis)[: len(rows)]
        self._reaching[rows] += true_count(scores >= low, axis)[: len(rows)]

    def counts(self) -> Counts:
        return Counts(self._above, self._reaching - self._above)


def true_count(mask: Bools, axis: int) -> Ints:
    """``mask.sum(axis)``, eight booleans at a time (6 times faster, measured on blocks of this size)."""
    rows, columns = mask.shape
    if (axis == 1 and columns % (8 * _LANES)) or (axis == 0 and (rows % _LANES or columns % 8)):
        return np.asarray(mask.sum(axis, dtype=np.int64))
    words = mask.view(np.uint64)
    if axis == 1:
        sums = np.add.reduce(words.reshape(rows, -1, _LANES), axis=2)
        return np.asarray(sums.view(np.uint8).reshape(rows, -1).sum(1, dtype=np.int64))
    sums = np.add.reduce(words.reshape(-1, _LANES, columns // 8), axis=1)
    return np.asarray(sums.view(np.uint8).reshape(-1, columns).sum(0, dtype=np.int64))


def _eights(places: Ints) -> Ints:
    """Filled up with its last to a multiple of 8, which `true_count` takes at full speed."""
    return _like(places, -8 * (-len(places) // 8))


def _like(places: Ints, length: int) -> Ints:
    return np.pad(places, (0, length - len(places)), mode="edge")


def _blocks(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]
