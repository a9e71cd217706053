"""Panels whose names stand in print beneath them, "(a)" or "(b) Ground truth": the rows of names rule the figure.

A name is a letter in round brackets, dark on white, the first of its line of print. Where the picture shows all names
from a on, in reading order, enough of them well read, and nothing but print stands beneath the last row, each panel is
what stands above its name: from the row of names before to its own, and sideways to the widest gap between neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from journalclip_extraction.panels.glyphs import read_pixels
from journalclip_extraction.panels.raster import Region

_PAPER = 225  # grey levels below which there is ink
_HIGH = 40  # pixels: of print in a picture of `glyphs.READ_SIDE`, at most
_ONE_ROW = 1.0  # letter heights between names of one row
_STAGGERED, _ASIDE = 0.25, 0.15  # of height and width: how much lower, how far aside a name of the same row may be
_CROSSED, _OPEN = 0.02, 0.3  # share of a gap that titles or arrows may cross
_BODY = 0.05  # of the shorter side: print is lower


def panels_above(image: Image.Image, names: Mapping[str, Region]) -> dict[str, Region]:
    """Label -> panel in the image's pixels; empty where the names do not stand beneath their panels."""
    if not names:
        return {}
    pixels, shrink = read_pixels(image)
    rows = _rows({label: _scaled(box, shrink) for label, box in names.items()}, pixels.shape)
    if not _beneath(pixels, rows):
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
            found[label] = _scaled(region, 1 / shrink)
        high = max(box.height for box in row.values())
        top = _after_print(pixels, max(box.y1 for box in row.values()), high)
    return {label: found[label] for label in names}


def _scaled(region: Region, by: float) -> Region:
    return Region(*(round(each * by) for each in region))


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
    if not pixels.size:
        return False
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
