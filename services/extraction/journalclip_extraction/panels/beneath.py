"""Panels whose names stand in print beneath them, "(a)" or "(b) Ground truth": the rows of names rule the figure.

A name is a letter in round brackets, dark on white, the first of its line of print. Where the picture shows all names
from a on, in reading order, enough of them well read, and nothing but print stands beneath the last row, each panel is
what stands above its name: from the row of names before to its own, and sideways to the widest gap between neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from journalclip_extraction.panels.glyphs import LETTERS, letter_scores, read_pixels
from journalclip_extraction.panels.raster import Region

_INK = 185  # grey levels below which there is print
_PAPER = 225
_LOW, _HIGH = 6, 40  # pixels: heights of print in a picture of `glyphs.READ_SIDE`
_BRACKET = 0.5  # width to height of a bracket, at most
_LEAST = 0.3  # likeness from which a spot between brackets is kept with its scores
_READ = 0.55  # likeness from which such a letter counts as read,
_SHARE = 0.33  # and how many of the names must be: brackets and order say the rest
_SURE = 0.8  # the same share where the caption names no panels and the picture alone does
_ONE_ROW = 1.0  # letter heights between names of one row
_STAGGERED, _ASIDE = 0.25, 0.15  # of height and width: how much lower, how far aside a name of the same row may be
_LETTERED = 0.8  # width to height of a letter with its brackets, at least
_SPACE = 0.2  # of a bracket's height, at least, between words
_ALIKE = 1.3  # ratio of heights of names
_CROSSED, _OPEN = 0.02, 0.3  # share of a gap that titles or arrows may cross
_BODY = 0.05  # of the shorter side: print is lower


@dataclass(frozen=True)
class Name:
    """A printed name with the box of its brackets."""

    scores: Mapping[str, float]
    box: Region


def panels_above_names(image: Image.Image, labels: Sequence[str]) -> dict[str, Region]:
    """Label -> panel in the image's pixels; empty where names do not stand beneath, or not all of them.

    Without ``labels`` (the caption names none) the picture's own are taken, from A on.
    """
    if len(labels) == 1 or any(len(label) != 1 or label not in LETTERS for label in labels):
        return {}
    pixels, shrink = read_pixels(image)
    names = _names(pixels)
    wanted = labels or tuple(LETTERS[: len(names)])
    rows = _rows(_named(names, wanted, _SHARE if labels else _SURE), pixels.shape)
    if not rows or not _beneath(pixels, rows):
        return {}
    found: dict[str, Region] = {}
    top = 0
    for row in rows:
        if top >= min(box.y0 for box in row.values()):
            return {}  # no room for a panel between two rows of names
        edges = _edges(pixels[top : min(box.y0 for box in row.values())], [*row.values()])
        for (label, box), left, right in zip(row.items(), edges[:-1], edges[1:], strict=True):
            region = _trimmed(pixels, Region(left, top, right, box.y0))
            if region is None:
                return {}
            found[label] = Region(*(round(each / shrink) for each in region))
        high = max(box.height for box in row.values())
        top = _after_print(pixels, max(box.y1 for box in row.values()), high)
    return {label: found[label] for label in wanted}


def _names(pixels: NDArray[np.uint8]) -> list[Name]:
    """Letters between brackets."""
    labelled, _ = ndimage.label(pixels < _INK, structure=np.ones((3, 3), int))
    numbers, spots = _spots(labelled)
    brackets = spots[_width(spots) <= _BRACKET * _height(spots)]
    found = []
    for number, spot in zip(numbers.tolist(), spots, strict=True):
        holding = brackets[_hold(brackets, spot)]
        reach: NDArray[np.float64] = 0.6 * _height(holding).astype(np.float64)
        left = holding[_within(spot[0] - holding[:, 2] + 2, reach)]
        right = holding[_within(holding[:, 0] - spot[2] + 2, reach)]
        if not len(left):
            continue
        if not len(right):
            if _joined(left[0], spot, spots):  # an "f" that touches its bracket: a name, not read
                found.append(Name({}, _region(left[0][0], left[0][1], spot[2], left[0][3])))
            continue
        ends = np.stack((left[0], right[0]))
        around = _region(left[0][0], ends[:, 1].min(), right[0][2], ends[:, 3].max())
        if around.width >= _LETTERED * around.height and not _follows_print(around, spots):
            x0, y0, x1, y1 = spot
            found.append(Name(letter_scores(labelled[y0:y1, x0:x1] == number, LETTERS, _LEAST), around))
    return _of_one_size(found)


def _spots(labelled: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers (n,) and boxes (n, 4) of the spots that are as high as print. A page of text has thousands of them."""
    found = ndimage.find_objects(labelled)
    boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in found], np.int64).reshape(-1, 4)
    high = _height(boxes)
    kept = np.flatnonzero((high >= _LOW) & (high <= _HIGH) & (_width(boxes) <= _HIGH))
    return kept + 1, boxes[kept]


def _width(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    width: NDArray[np.int64] = boxes[..., 2] - boxes[..., 0]
    return width


def _height(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    height: NDArray[np.int64] = boxes[..., 3] - boxes[..., 1]
    return height


def _within(gap: NDArray[np.int64], reach: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (gap >= 0) & (gap <= reach)


def _region(*edges: np.int64) -> Region:
    x0, y0, x1, y1 = (int(each) for each in edges)
    return Region(x0, y0, x1, y1)


def _joined(bracket: NDArray[np.int64], spot: NDArray[np.int64], spots: NDArray[np.int64]) -> bool:
    """May the spot be a letter and its closing bracket in one? It is as high as the bracket, and a space follows."""
    high, width, height = int(_height(bracket)), int(_width(spot)), int(_height(spot))
    if not (0.85 <= height / high <= 1.15 and _BRACKET < width / height <= 1.2):
        return False
    after = spots[:, 0] - spot[2]
    follows = (after >= 0) & (after < _SPACE * high) & (_shared(spots, spot[1], spot[3]) > 0)
    return not follows.any() and not _follows_print(_region(bracket[0], bracket[1], spot[2], bracket[3]), spots)


def _shared(spots: NDArray[np.int64], y0: np.int64 | int, y1: np.int64 | int) -> NDArray[np.int64]:
    """Rows that each spot has in common with the rows from ``y0`` to ``y1``; negative where there are none."""
    rows: NDArray[np.int64] = np.minimum(spots[:, 3], y1) - np.maximum(spots[:, 1], y0)
    return rows


def _of_one_size(names: Sequence[Name]) -> list[Name]:
    """The names as large as the best read one."""
    if not names:
        return []
    usual = max(names, key=lambda name: max(name.scores.values(), default=0.0)).box.height
    return [name for name in names if usual / _ALIKE <= name.box.height <= usual * _ALIKE]


def _hold(brackets: NDArray[np.int64], letter: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which brackets are at least as tall as the letter, and beside it?"""
    beside: NDArray[np.bool_] = (brackets[:, 1] - 2 <= letter[1]) & (letter[3] <= brackets[:, 3] + 2)
    return beside & (_height(letter) <= _height(brackets))


def _follows_print(name: Region, spots: NDArray[np.int64]) -> bool:
    """Does print stand just before it on its line? Then it is a word in brackets within a sentence."""
    before = name.x0 - spots[:, 2]
    near = (before >= 0) & (before < 0.9 * name.height)
    return bool((near & (_shared(spots, name.y0, name.y1) > 0.3 * name.height)).any())


def _named(names: Sequence[Name], labels: Sequence[str], share: float) -> dict[str, Region]:
    """The labels over the names as they stand, by rows or by columns; empty where they do not fit one to one."""
    if len(names) != len(labels) or len(names) < 2:
        return {}
    height = float(np.median([name.box.height for name in names]))
    by_rows = sorted(names, key=lambda name: (round(name.box.y0 / (2 * height)), name.box.x0))
    by_columns = sorted(names, key=lambda name: (round(name.box.x0 / (4 * height)), name.box.y0))
    fits = [dict(zip(labels, order, strict=True)) for order in (by_rows, by_columns)]
    best = max(fits, key=lambda fit: _as_read(fit))
    return {label: name.box for label, name in best.items()} if _as_read(best) >= share else {}


def _as_read(fit: Mapping[str, Name]) -> float:
    """Share of the names whose letter looks like its label."""
    return sum(name.scores.get(label, 0.0) >= _READ for label, name in fit.items()) / len(fit)


def _rows(named: Mapping[str, Region], shape: tuple[int, ...]) -> list[dict[str, Region]]:
    """Rows from the top, each from the left. Names that stand lower but beside the others are of their row."""
    rows: list[dict[str, Region]] = []
    for label, box in sorted(named.items(), key=lambda item: item[1].y0):
        if rows and _of_row(box, [*rows[-1].values()], shape):
            rows[-1][label] = box
        else:
            rows.append({label: box})
    return [dict(sorted(row.items(), key=lambda item: item[1].x0)) for row in rows]


def _of_row(box: Region, row: Sequence[Region], shape: tuple[int, ...]) -> bool:
    lower = box.y0 - row[0].y0
    if lower <= _ONE_ROW * box.height:
        return True
    apart = min(max(other.x0 - box.x1, box.x0 - other.x1) for other in row)
    return lower <= _STAGGERED * shape[0] and apart >= _ASIDE * shape[1]


def _beneath(pixels: NDArray[np.uint8], rows: Sequence[Mapping[str, Region]]) -> bool:
    """A picture above the first row, and none below the last."""
    least = _BODY * min(pixels.shape)
    first, last = min(box.y0 for box in rows[0].values()), max(box.y1 for box in rows[-1].values())
    return _has_body(pixels[:first], least) and not _has_body(pixels[last:], least)


def _has_body(pixels: NDArray[np.uint8], least: float) -> bool:
    """Ink that is higher and wider than print."""
    boxes = ndimage.find_objects(ndimage.label(pixels < _PAPER, structure=np.ones((3, 3), int))[0])
    return any(ys.stop - ys.start > max(least, _HIGH) and xs.stop - xs.start > least for ys, xs in boxes)


def _edges(band: NDArray[np.uint8], names: Sequence[Region]) -> list[int]:
    """Where the panels above ``names`` end: in the widest gap between the middles of neighbours."""
    inked = (band < _PAPER).mean(axis=0)
    edges = [0]
    for before, after in pairwise(names):
        start, end = (before.x0 + before.x1) // 2, (after.x0 + after.x1) // 2
        least = float(inked[start:end].min(initial=1.0))
        edges.append(start + _widest(inked[start:end] <= least + _CROSSED) if least < _OPEN else (start + end) // 2)
    return [*edges, band.shape[1]]


def _widest(empty: NDArray[np.bool_]) -> int:
    """The middle of the longest run; of equal ones the most central."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], empty, [False])).astype(np.int8))).reshape(-1, 2)
    middle = len(empty) / 2
    start, end = max(steps.tolist(), key=lambda run: (run[1] - run[0], -abs((run[0] + run[1]) / 2 - middle)))
    return int(start + end) // 2


def _after_print(pixels: NDArray[np.uint8], start: int, height: int) -> int:
    """The first row below a line of names that is no more print: the names' sentences may take several lines."""
    inked: NDArray[np.bool_] = np.asarray((pixels < _PAPER).any(axis=1))
    at = start
    while at < len(inked):
        gap = at
        while gap < len(inked) and not inked[gap]:
            gap += 1
        end = gap
        while end < len(inked) and inked[end]:
            end += 1
        if gap - at > height or end - gap > 1.5 * height:  # white between rows, or something that is no line of print
            return gap
        at = end
    return at


def _trimmed(pixels: NDArray[np.uint8], region: Region) -> Region | None:
    """Without white margins; None where nothing is left."""
    if region.width <= 0 or region.height <= 0:
        return None
    part = pixels[region.y0 : region.y1, region.x0 : region.x1] < _PAPER
    ys, xs = np.flatnonzero(part.mean(axis=1) > 0.004), np.flatnonzero(part.mean(axis=0) > 0.004)
    if not len(ys) or not len(xs):
        return None
    return Region(
        region.x0 + int(xs[0]), region.y0 + int(ys[0]), region.x0 + int(xs[-1]) + 1, region.y0 + int(ys[-1]) + 1
    )
