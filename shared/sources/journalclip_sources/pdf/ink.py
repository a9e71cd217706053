"""What is printed on a scanned page: where ink is, and what of it is left once the words are taken away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pymupdf
from scipy import ndimage

from journalclip_sources.pdf.content import Line, Picture
from journalclip_sources.pdf.geometry import Rect

Mask = npt.NDArray[np.bool_]

INK_DPI = 96
WORD_MARGIN = 1.5  # points around a word that are the word's
_INK = 45  # levels below the paper
_CELL = 3.0  # points
_JOIN = 2  # cells
_EDGE = 0.015  # of the page: shadows of the scanner's lid
_MIN_SIDE, _MIN_AREA = 20.0, 900.0  # points: smaller leftovers are specks, rules and letters that were not read
_SCALE = INK_DPI / 72


def inked(page: pymupdf.Page) -> Mask:
    """The page's pixels at `INK_DPI` that are clearly darker than its paper."""
    pixels = page.get_pixmap(dpi=INK_DPI, colorspace=pymupdf.csGRAY, alpha=False, annots=False)
    grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)[:, : pixels.width]
    mask: Mask = grey < int(np.percentile(grey, 95)) - _INK
    return mask


def share(ink: Mask, box: Rect) -> float:
    """How much of the box is inked, 0 to 1."""
    x0, y0, x1, y1 = (max(0, round(v * _SCALE)) for v in box)
    part = ink[y0:y1, x0:x1]
    return float(part.mean()) if part.size else 0.0


def left_over(page: pymupdf.Page, frame: Rect, ink: Mask, lines: Sequence[Line]) -> list[Picture]:
    """What ink is left without the words, by connected areas."""
    ink = ink.copy()
    for line in lines:
        x0, y0, x1, y1 = (round(v * _SCALE) for v in line.box.grow(WORD_MARGIN))
        ink[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = False
    margin = round(_EDGE * min(ink.shape))
    ink[:margin], ink[-margin:], ink[:, :margin], ink[:, -margin:] = False, False, False, False
    per_inch = _resolution(page, frame)
    found = []
    for box in _areas(ink, _CELL * _SCALE):
        area = Rect(*(v * _CELL for v in box)).clip(frame)
        if min(area.width, area.height) >= _MIN_SIDE and area.area >= _MIN_AREA:
            wide, high = round(area.width / 72 * per_inch), round(area.height / 72 * per_inch)
            found.append(Picture(area, wide, high))
    return found


def _areas(ink: Mask, cell: float) -> list[tuple[int, int, int, int]]:
    """Bounding boxes in cells of inked areas that stand together."""
    high, wide = int(ink.shape[0] // cell) + 1, int(ink.shape[1] // cell) + 1
    grid = np.zeros((high, wide), dtype=bool)
    rows, columns = np.nonzero(ink)
    grid[(rows / cell).astype(int), (columns / cell).astype(int)] = True
    labels, count = ndimage.label(ndimage.binary_dilation(grid, iterations=_JOIN), structure=np.ones((3, 3)))
    labels[~grid] = 0  # the dilation joins, but adds no area
    return [
        (found[1].start, found[0].start, found[1].stop, found[0].stop)
        for found in ndimage.find_objects(labels, max_label=count)
        if found is not None
    ]


def _resolution(page: pymupdf.Page, frame: Rect) -> float:
    """Pixels an inch of the scan itself: its widest image over the page's width."""
    widest = max((image["width"] for image in page.get_image_info()), default=0)
    return max(72.0, 72.0 * widest / max(frame.width, 1.0))
