"""How many scores lie above, and level with, a threshold: the one loop over all image-text scores.

Scores are dot products of float32 unit vectors, computed block by block, so memory depends on the block and not on the
number of pairs; one block serves both directions. Two scores closer than `TIE` are level: float32 cannot tell them
apart, since the same dot product differs by about this much between two ways of adding it up.
"""

from __future__ import annotations

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
    for columns in _blocks(texts.shape[0], _COLUMNS):
        gallery = texts[columns]
        for rows in _blocks(images.shape[0], _ROWS):
            scores = images[rows] @ gallery.T
            by_image.add(scores, rows, axis=1)
            by_text.add(scores, columns, axis=0)
    return by_image.counts(), by_text.counts()


def count(queries: Rows, gallery: Rows, threshold: Floats) -> Counts:
    """Counts for every query over the whole gallery."""
    tally = _Tally(threshold)
    for columns in _blocks(gallery.shape[0], _COLUMNS):
        block = gallery[columns]
        for rows in _blocks(queries.shape[0], _ROWS):
            tally.add(queries[rows] @ block.T, rows, axis=1)
    return tally.counts()


class _Tally:
    """Running counts against one threshold a query."""

    def __init__(self, threshold: Floats) -> None:
        self._high, self._low = threshold + np.float32(TIE), threshold - np.float32(TIE)
        self._above = np.zeros(len(threshold), np.int64)
        self._reaching = np.zeros(len(threshold), np.int64)

    def add(self, scores: Floats, queries: slice, axis: int) -> None:
        """``axis`` is the gallery's axis of ``scores``."""
        high, low = (np.expand_dims(t[queries], axis) for t in (self._high, self._low))
        self._above[queries] += true_count(scores > high, axis)
        self._reaching[queries] += true_count(scores >= low, axis)

    def counts(self) -> Counts:
        return Counts(self._above, self._reaching - self._above)


def true_count(mask: Bools, axis: int) -> Ints:
    """``mask.sum(axis)``, eight booleans at a time (6 times faster, measured on blocks of this size)."""
    rows, columns = mask.shape
    if columns % (8 * _LANES) or rows % _LANES:
        return np.asarray(mask.sum(axis, dtype=np.int64))
    words = mask.view(np.uint64)
    if axis == 1:
        sums = np.add.reduce(words.reshape(rows, -1, _LANES), axis=2)
        return np.asarray(sums.view(np.uint8).reshape(rows, -1).sum(1, dtype=np.int64))
    sums = np.add.reduce(words.reshape(-1, _LANES, columns // 8), axis=1)
    return np.asarray(sums.view(np.uint8).reshape(-1, columns).sum(0, dtype=np.int64))


def _blocks(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]
