"""Text burned into slices: rows of small shapes of one height and one brightness, as only drawn letters are.

A scanner's noise gives neighbouring voxels of one tissue different values; ink is one value many times. So the values
that occur too often are looked at first, and what lies on them is searched for rows of letters. Where a lossy codec has
blurred the ink, longer rows of strokes are asked for. Each slice is searched in both directions (a stack may lie on its
side). A series with text is left out whole and not painted over: what one detector finds, a second reader may find more
of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label, median_filter, white_tophat

from journalclip_extraction.studies.volume import Voxels

_STROKE = 7  # pixels: wider than any letter's stroke, so that the top-hat keeps strokes and drops areas
_EDGE = 0.15  # of the slice's own brightest percentile: how far a stroke stands out at least
_NOISE = 2.4  # times the median stroke strength of tissue: what noise alone seldom reaches in rows
_STEPS = (1.0, 1.6, 2.4)  # of that edge: a higher one parts letters from bright tissue that they touch
_HEIGHTS = (4, 44)
_INK_LETTERS = 4  # in a row of one value
_BRIGHT = (0.6, 0.74, 0.86)  # levels above which little but ink, fat or fluid lies
_BRIGHT_LETTERS = 5
_LETTERS = 9  # in a row of strokes of any value
_MAX_SHAPES = 700  # more than this is noise, and its rows mean nothing
_ALIKE = 0.1  # share that the brightness of neighbouring letters may differ by
_LEVEL = 0.002  # of the brightest percentile: values closer than this are one
_OFTEN = 14  # voxels of one value at least, and so many times its neighbours' usual number:
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


def has_text(volume: Voxels) -> bool:
    """Of [I, J, K]: does any slice along the last axis hold text?"""
    return any(text_rows(volume[:, :, k]) or text_rows(volume[:, :, k].T) for k in range(volume.shape[2]))


def text_rows(plane: NDArray[np.float32]) -> int:
    """How many rows of text a slice [rows, columns] holds."""
    top = float(np.percentile(plane, 99.8)) or float(plane.max())
    if top <= 0:
        return 0
    scaled = np.clip(plane / top, 0, 1.5)
    strokes = white_tophat(scaled, size=_STROKE)
    edge = _edge(scaled, strokes)
    inked = [_rows(_shapes(scaled, ink & (strokes > 0.5 * _EDGE)), _INK_LETTERS) for ink in _inks(scaled)]
    inked += [_rows(_shapes(scaled, (scaled > level) & (strokes > edge)), _BRIGHT_LETTERS) for level in _BRIGHT]
    return max([*inked, *(_rows(_shapes(scaled, strokes > edge * step), _LETTERS) for step in _STEPS)])


def _inks(plane: NDArray[np.float32]) -> list[NDArray[np.bool_]]:
    """Where the values lie that occur far more often than those beside them, with the soft rim of each letter."""
    levels = np.round(plane / _LEVEL).astype(np.int64)
    counts = np.bincount(levels.ravel())
    around = median_filter(counts, size=41, mode="nearest")
    bright = np.arange(len(counts)) > 0.3 / _LEVEL
    often = np.flatnonzero(bright & (counts >= _OFTEN) & (counts > _EXCESS * (around + 1)))
    best = often[np.argsort(-counts[often])][:_INKS]
    rim = np.ones((3, 3), np.bool_)
    return [binary_dilation(np.abs(levels - level) <= 1, rim) for level in best]


def _edge(plane: NDArray[np.float32], strokes: NDArray[np.float32]) -> float:
    """What stands out from the slice's own noise, measured where there is tissue."""
    tissue = strokes[plane > 0.15]
    if tissue.size < 50:
        return _EDGE
    # The median: noise raises it everywhere, anatomy and text only where they are.
    return max(_EDGE, _NOISE * float(np.median(tissue)))


def _shapes(plane: NDArray[np.float32], strokes: NDArray[np.bool_]) -> list[_Shape]:
    numbered, count = label(strokes, structure=np.ones((3, 3)))
    if count > _MAX_SHAPES * 4:
        return []
    found = []
    for number, (rows, columns) in enumerate(find_objects(numbered), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not _HEIGHTS[0] <= height <= _HEIGHTS[1] or width > 14 * height:
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


def _rows(shapes: list[_Shape], letters: int) -> int:
    """Chains of shapes on one line: alike in height and brightness, close together."""
    used: set[int] = set()
    ordered = sorted(range(len(shapes)), key=lambda n: shapes[n].left)
    rows = 0
    for start in ordered:
        if start in used:
            continue
        chain = [start]
        for other in ordered:
            if other not in used and other not in chain and _follows(shapes[chain[-1]], shapes[other]):
                chain.append(other)
        if sum(shapes[n].letters for n in chain) >= letters and _even([shapes[n] for n in chain]):
            used |= set(chain)
            rows += 1
    return rows


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
