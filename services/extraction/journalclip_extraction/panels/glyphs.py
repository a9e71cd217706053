"""Panel letters in the pixels: small lone glyphs, compared with printed letters; no OCR engine.

A glyph is a connected spot of nearly white or nearly black pixels, of a letter's size and alone on its line. Its shape,
stretched to a square, is compared with the letters of five common faces.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from journalclip_extraction.panels.raster import Region

READ_SIDE = 1000  # letters of 8 points in a figure one column wide are then 12 pixels tall or more
CELL = 14  # glyphs are compared in squares of this side
BLUR = 1.3  # of these squares, so that the weight of a stroke matters less than where it runs
ALIKE = 0.7  # correlation from which a glyph may be a letter
LIGHT, DARK = 160, 100  # levels that a white or a black letter reaches
FACES = ("helv", "hebo", "tiro", "tibo", "tiit")  # MuPDF's own: nothing is read from the machine's fonts
SIZES = (16, 40)  # of the templates: small print has lost its serifs and thin strokes
LETTERS = "ABCDEFGHIJKLMNOP"
MOST_GLYPHS = 400  # a figure with more small spots is a plot of points, and its letters are page text or nowhere


@dataclass(frozen=True)
class Glyph:
    """A spot that may be a letter, in pixels of the image given; ``scores`` maps each letter to its likeness."""

    box: Region
    light: bool
    scores: dict[str, float]


def read_pixels(image: Image.Image) -> tuple[NDArray[np.uint8], float]:
    """Grey levels of the image shrunk to at most `READ_SIDE`, and by how much it was shrunk."""
    grey, shrink = shrunk(image.convert("L"))
    return np.asarray(grey), shrink


def shrunk(image: Image.Image) -> tuple[Image.Image, float]:
    """The image with its longer side at most `READ_SIDE`, and by how much it was shrunk."""
    shrink = min(1.0, READ_SIDE / max(image.size))
    if shrink < 1:
        size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
        image = image.resize(size, Image.Resampling.BILINEAR)
    return image, shrink


def find_glyphs(image: Image.Image, wanted: Sequence[str]) -> list[Glyph]:
    """Glyphs that look like one of ``wanted`` (capitals; small letters count as theirs)."""
    pixels, shrink = read_pixels(image)
    found: list[Glyph] = []
    for light in (True, False):
        mask = pixels >= LIGHT if light else pixels <= DARK
        for box, cell in _spots(mask):
            scores = _scores(cell, wanted)
            if scores:
                found.append(Glyph(Region(*(round(v / shrink) for v in box)), light, scores))
    return found


def _spots(mask: NDArray[np.bool_]) -> list[tuple[Region, NDArray[np.float32]]]:
    """Lone spots of a letter's size with their shape as a unit vector."""
    labelled, _ = ndimage.label(mask, structure=np.ones((3, 3), int))
    low, high = max(6, round(0.007 * max(mask.shape))), max(24, round(0.09 * min(mask.shape)))
    boxes: list[tuple[int, Region]] = []
    for number, place in enumerate(ndimage.find_objects(labelled), start=1):
        ys, xs = place
        box = Region(xs.start, ys.start, xs.stop, ys.stop)
        if low <= box.height <= high and 0.2 * box.height <= box.width <= 1.4 * box.height:
            boxes.append((number, box))
    if len(boxes) > MOST_GLYPHS:
        return []
    regions = [box for _, box in boxes]
    return [(b, _cell(labelled[b.y0 : b.y1, b.x0 : b.x1] == n)) for n, b in boxes if _is_alone(b, regions)]


def _is_alone(box: Region, others: Sequence[Region]) -> bool:
    """No other spot within a letter's width on the same line, but for brackets."""
    near = [
        o
        for o in others
        if o is not box
        and min(o.y1, box.y1) - max(o.y0, box.y0) > 0.4 * box.height
        and max(o.x0 - box.x1, box.x0 - o.x1) < 0.7 * box.height
    ]
    return all(_narrow(o) for o in near)


def _narrow(box: Region) -> bool:
    return box.width < 0.4 * box.height


def _cell(shape: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A shape stretched to a square, as a vector of zero mean and unit length, followed by its aspect."""
    image = Image.fromarray(shape.astype(np.uint8) * 255).resize((CELL, CELL), Image.Resampling.BOX)
    vector = ndimage.gaussian_filter(np.asarray(image, np.float32), BLUR).ravel()
    vector = vector - vector.mean()
    norm = float(np.linalg.norm(vector)) or 1.0
    return np.append(vector / norm, shape.shape[1] / shape.shape[0]).astype(np.float32)


@cache
def templates() -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Letters and their cells: five faces, capitals and small letters."""
    names: list[str] = []
    cells: list[NDArray[np.float32]] = []
    for face in FACES:
        for size in SIZES:
            font = ImageFont.truetype(io.BytesIO(pymupdf.Font(face).buffer), size)
            for letter in LETTERS + LETTERS.lower():
                names.append(letter.upper())
                cells.append(_cell(_printed(letter, font)))
    return tuple(names), np.stack(cells)


def _printed(letter: str, font: ImageFont.FreeTypeFont) -> NDArray[np.bool_]:
    image = Image.new("L", (80, 80))
    ImageDraw.Draw(image).text((20, 10), letter, fill=255, font=font)
    shape = np.asarray(image) > 110
    ys, xs = np.nonzero(shape)
    return shape[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def letter_scores(shape: NDArray[np.bool_], wanted: Sequence[str], least: float = ALIKE) -> dict[str, float]:
    """How alike a spot is to each of ``wanted``, from ``least`` on."""
    return _scores(_cell(shape), wanted, least)


def _scores(cell: NDArray[np.float32], wanted: Sequence[str], least: float = ALIKE) -> dict[str, float]:
    names, cells = templates()
    likeness = cells[:, :-1] @ cell[:-1]
    likeness = likeness - np.abs(np.log(cells[:, -1] / cell[-1])) * 0.3  # a stretched shape hides its aspect
    scores: dict[str, float] = {}
    for name, value in zip(names, likeness, strict=True):
        if value >= least and name in wanted:
            scores[name] = max(scores.get(name, 0.0), float(value))
    return scores
