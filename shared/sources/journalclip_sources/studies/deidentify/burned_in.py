"""Text burned into slices: rows of small shapes of one height and one brightness, as only drawn letters are.

A scanner's noise gives neighbouring voxels of one tissue different values; ink is one value many times. So the values
that occur too often are looked at first, and what lies on them is searched for rows of letters; then strokes that stand
out, whatever their value, since workstations draw soft letters and lossy codecs blur them. Chance rows of noise and
edges of the skull are told from letters in three ways. Strokes of letters stand across their row. A row that is long
for how it was found is text by itself. A shorter one is where it lies in the same place of the next slice as well, as
annotations do (of thin slices: of the next two that are far enough away for anatomy to differ). Each slice is searched
in both directions (a stack may lie on its side). A series with text is left out whole and not painted over: what one
detector finds, a second reader may find more of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label, median_filter, white_tophat

from journalclip_sources.studies.volume import Voxels

_STROKE = 7  # pixels: wider than any letter's stroke, so that the top-hat keeps strokes and drops areas
_EDGE = 0.15  # of the slice's own brightest percentile: how far a stroke stands out at least
_NOISE = 2.4  # times the median stroke strength of tissue: what noise alone seldom reaches in rows
# Letters that make a row text by itself, by how far its strokes stand out (times the edge). Measured on slices without
# text: no row of noise or skull was as long.
_STEPS = ((1.0, 10), (1.6, 8), (2.4, 5))
_HEIGHTS = (4, 44)
# Of a row's change from voxel to voxel: along the row to across it. Letters have strokes that stand, and reach 0.5; a
# band of skin or skull that runs level, broken by noise into pieces like letters, stays below 0.1.
_UPRIGHT = 0.3
_INK_LETTERS = 3  # in a row of one value
_COARSE_INK_LETTERS = 7  # where values are so few (eight bits) that tissue often has the same one twice
_BRIGHT = (0.6, 0.74)  # levels above which little but ink, fat or fluid lies
_BRIGHT_STEP, _BRIGHT_LETTERS = 1.6, 11
_SHORTEST = 4  # letters of a row that the next slice must show again
_APART_MM = 4.0  # of two slices in which anatomy is not the same
_SAME_PLACE = 0.6  # share of the width of both that two such rows have in common
_SAME_SHAPE = 0.8  # correlation of the two places
_DRAWN_HEIGHT = 7  # pixels: of letters found by their strokes alone; lower rows are noise
_QUIET = 0.012  # noise below which low rows are letters all the same
_SIGMAS = 6.0  # of the slice's noise: what a stroke stands out at least
_MAX_SHAPES = 700  # more than this is noise, and its rows mean nothing
_ALIKE = 0.1  # share that the brightness of neighbouring letters may differ by
_COARSE = 1.5  # times a level: values that lie so far apart are few
_LEVEL = 0.002  # of the brightest percentile: values closer than this are one
_OFTEN = 8  # voxels of one value at least, and so many times its neighbours' usual number:
_EXCESS = 4.0
_INKS = 5  # values looked at


@dataclass(frozen=True)
class _Shape:
    """A connected stroke, or several letters that touch: ``letters`` is estimated from how often rows cross it."""

    top: int
    bottom: int
    left: int
    right: int
    bright: float
    letters: int

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True)
class Row:
    """A row of letters; ``alone``: it is text without the next slice's word for it."""

    top: int
    bottom: int
    left: int
    right: int
    letters: int
    alone: bool

    def again(self, other: Row) -> bool:
        """In the same place?"""
        shared = min(self.right, other.right) - max(self.left, other.left)
        wide = max(self.right, other.right) - min(self.left, other.left)
        level = abs(self.top - other.top) <= 1 and abs(self.bottom - other.bottom) <= 1
        return level and shared >= _SAME_PLACE * wide


def has_text(volume: Voxels, apart_mm: float = _APART_MM) -> bool:
    """Of [I, J, K]: does any slice along the last axis hold text? ``apart_mm`` is from one slice to the next."""
    planes = [volume[:, :, k] for k in range(volume.shape[2])]
    step = max(1, ceil(_APART_MM / apart_mm - 0.05))
    return _text_along(planes, step) or _text_along([plane.T for plane in planes], step)


def _text_along(planes: Sequence[NDArray[np.float32]], step: int) -> bool:
    """Thin slices are many, and chance has more of them: there a row must be seen twice again."""
    found: list[list[Row]] = []
    for k, plane in enumerate(planes):
        rows = text_rows(plane)
        if any(row.alone for row in rows):
            return True
        others = (k - step,) if step == 1 else (k - step, k - 2 * step)
        if others[-1] >= 0 and any(all(_seen(row, plane, planes[n], found[n]) for n in others) for row in rows):
            return True
        found.append(rows)
    return False


def _seen(row: Row, plane: NDArray[np.float32], other: NDArray[np.float32], rows: list[Row]) -> bool:
    return any(row.again(each) for each in rows) and _same_shape(row, plane, other)


def _same_shape(row: Row, plane: NDArray[np.float32], last: NDArray[np.float32]) -> bool:
    """Drawn letters are the same in both slices; anatomy some millimetres apart and noise are not."""
    part = slice(row.top, row.bottom), slice(row.left, row.right)
    one, other = plane[part].ravel(), last[part].ravel()
    if one.std() == 0 or other.std() == 0:
        return False
    return float(np.corrcoef(one, other)[0, 1]) >= _SAME_SHAPE


def text_rows(plane: NDArray[np.float32]) -> list[Row]:
    """Rows of what may be letters in a slice [rows, columns]."""
    top = float(np.percentile(plane, 99.8)) or float(plane.max())
    if top <= 0:
        return []
    scaled = np.clip(plane / top, 0, 1.5)
    strokes = white_tophat(scaled, size=_STROKE)
    noise = _noise(scaled)
    edge = max(_edge(scaled, strokes), _SIGMAS * noise)
    width = _level_width(scaled)
    letters = _INK_LETTERS if width <= _COARSE * _LEVEL else _COARSE_INK_LETTERS
    masks = [(ink & (strokes > max(0.5 * _EDGE, 3 * noise)), letters, _HEIGHTS[0]) for ink in _inks(scaled, width)]
    low = _HEIGHTS[0] if noise < _QUIET else _DRAWN_HEIGHT
    masks += [((scaled > level) & (strokes > _BRIGHT_STEP * edge), _BRIGHT_LETTERS, low) for level in _BRIGHT]
    masks += [(strokes > step * edge, letters, low) for step, letters in _STEPS]
    found = [row for mask, letters, height in masks for row in _rows(_shapes(scaled, mask, height), letters)]
    return [row for row in found if _stands(scaled, row, noise)]


def _stands(plane: NDArray[np.float32], row: Row, noise: float) -> bool:
    """Do strokes stand across the row? What noise alone changes counts for neither direction."""
    part = plane[max(0, row.top - 1) : row.bottom + 1, max(0, row.left - 1) : row.right + 1]
    along, across = (float((np.diff(part, axis=axis) ** 2).mean()) - 2 * noise**2 for axis in (1, 0))
    return along >= _UPRIGHT * across


def _noise(plane: NDArray[np.float32]) -> float:
    """Standard deviation of what differs from voxel to voxel in tissue, by second differences along rows."""
    tissue = plane[:, 1:-1] > 0.15
    second = plane[:, 2:] - 2 * plane[:, 1:-1] + plane[:, :-2]
    if tissue.sum() < 50:
        return 0.0
    return 1.4826 * float(np.median(np.abs(second[tissue]))) / 6**0.5


def _level_width(plane: NDArray[np.float32]) -> float:
    """Of one brightness. Whole numbers of a dark slice lie further apart than a level, and between them is nothing."""
    steps = np.diff(np.unique(plane))
    return max(_LEVEL, float(np.median(steps)) if len(steps) else 0.0)


def _inks(plane: NDArray[np.float32], width: float) -> list[NDArray[np.bool_]]:
    """Where the values lie that occur far more often than those beside them, with the soft rim of each letter."""
    levels = np.round(plane / width).astype(np.int64)
    counts = np.bincount(levels.ravel())
    around = median_filter(counts, size=41, mode="nearest")
    bright = np.arange(len(counts)) > 0.3 / width
    often = np.flatnonzero(bright & (counts >= _OFTEN) & (counts > _EXCESS * (around + 1)))
    best = often[np.argsort(-counts[often])][:_INKS]
    rim = np.ones((3, 3), np.bool_)
    return [binary_dilation(np.abs(levels - level) <= 1, rim, iterations=2) for level in best]


def _edge(plane: NDArray[np.float32], strokes: NDArray[np.float32]) -> float:
    """What stands out from the slice's own noise, measured where there is tissue."""
    tissue = strokes[plane > 0.15]
    if tissue.size < 50:
        return _EDGE
    # The median: noise raises it everywhere, anatomy and text only where they are.
    return max(_EDGE, _NOISE * float(np.median(tissue)))


def _shapes(plane: NDArray[np.float32], strokes: NDArray[np.bool_], low: int) -> list[_Shape]:
    numbered, count = label(strokes, structure=np.ones((3, 3)))
    if count > _MAX_SHAPES * 4:
        return []
    found = []
    for number, (rows, columns) in enumerate(find_objects(numbered), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not low <= height <= _HEIGHTS[1] or width > 14 * height:
            continue
        inside = numbered[rows, columns] == number
        if inside.sum() < 5 or not 0.12 <= inside.mean() <= 0.98:
            continue
        letters = _letters(inside)
        if width > 2.2 * height + 2 and letters < 0.35 * width / height:
            continue  # long and crossed but once or twice: an edge of the skull
        bright = float(np.percentile(plane[rows, columns][inside], 95))
        if bright >= 0.3:
            found.append(_Shape(rows.start, rows.stop, columns.start, columns.stop, bright, letters))
    return found if len(found) <= _MAX_SHAPES else []


def _letters(inside: NDArray[np.bool_]) -> int:
    """A row through a letter crosses one or two strokes."""
    middle = inside[len(inside) // 4 : max(len(inside) // 4 + 1, 3 * len(inside) // 4)]
    runs = (np.diff(middle.astype(np.int8), axis=1, prepend=0) == 1).sum(1)
    crossed = float(np.percentile(runs, 75)) / 1.7
    wide: float = inside.shape[1] / (0.75 * inside.shape[0])
    return max(1, round(min(wide, 2 * crossed)))


def _rows(shapes: list[_Shape], enough: int) -> list[Row]:
    """Chains of shapes on one line, alike in height and brightness, close together; ``enough`` letters are text."""
    used: set[int] = set()
    ordered = sorted(range(len(shapes)), key=lambda n: shapes[n].left)
    rows = []
    for start in ordered:
        if start in used:
            continue
        numbers = [start]
        for other in ordered:
            if other not in used and other not in numbers and _follows(shapes[numbers[-1]], shapes[other]):
                numbers.append(other)
        chain = [shapes[n] for n in numbers]
        letters = sum(each.letters for each in chain)
        if letters >= min(enough, _SHORTEST) and _even(chain):
            used |= set(numbers)
            rows.append(_row(chain, letters, letters >= enough))
    return rows


def _row(chain: list[_Shape], letters: int, alone: bool) -> Row:
    return Row(
        min(each.top for each in chain), max(each.bottom for each in chain),
        min(each.left for each in chain), max(each.right for each in chain), letters, alone,
    )  # fmt: skip


def _follows(one: _Shape, other: _Shape) -> bool:
    tall = max(one.height, other.height)
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    gap = other.left - one.right
    return (
        shared >= 0.6 * min(one.height, other.height)
        and abs(one.bottom - other.bottom) <= 0.4 * tall + 1
        and min(one.height, other.height) >= 0.5 * tall
        and -0.3 * tall <= gap <= 1.3 * tall + 2
        and abs(one.bright - other.bright) <= _ALIKE * max(one.bright, other.bright)
    )


def _even(chain: list[_Shape]) -> bool:
    """Letters share a baseline and a height; chance rows do not."""
    bottoms, heights = [each.bottom for each in chain], [each.height for each in chain]
    tall = float(np.median(heights))
    close = sum(abs(each - np.median(bottoms)) <= 0.2 * tall + 1 for each in bottoms)
    alike = sum(abs(each - tall) <= 0.35 * tall + 1 for each in heights)
    return bool(close >= 0.75 * len(chain) and alike >= 0.7 * len(chain))
