"""Names of panels printed in or beside a picture, "(a)", "b)" or "C.": read as words, dark on light, light on dark.

Spots that stand as near as letters of a word are one word. A word is compared with names set in five faces, stretched
to a box of one size; a name whose letter touches its bracket is therefore read as well as one whose parts stand apart.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from journalclip_extraction.panels.glyphs import FACES, LETTERS, letter_scores, shrunk
from journalclip_extraction.panels.raster import Region

STYLES = ("({})", "{})", "{}.")
_DARK, _LIGHT = 185, 160  # levels of the darkest and of the lightest channel: coloured print is both
_LOW, _HIGH = 6, 48  # pixels: heights of print in a picture of `READ_SIDE`
_SLIMMEST, _WIDEST = 0.3, 2.2  # width to height of a name
_MOST_SPOTS = 3000  # more are a page of text or a plot of points
_NEAR = 0.27  # of the height: the gap between letters of one word; a space is about as wide
_BEFORE = 0.9  # of the height: print that stands this near before a word is of its line
_NARROW = 0.5  # width to height of a bracket, at most
_DOT = 0.35  # of the height: a full stop
_LOWER = 0.04  # of the height: how much lower or shorter a letter is than its brackets
_PARTS = 4  # spots of a name: two brackets, a letter and its dot
_WIDE, _TALL = 30, 15  # the box that words are stretched to
_BLUR = 1.0
_STRETCHED = 0.3  # what a word loses by another aspect
_SIZES = (16, 40)
_LEAST = 0.62  # likeness from which a word is a name
_DOUBT = 0.04  # of likeness: by so much another letter may seem nearer


@dataclass(frozen=True)
class Name:
    """A printed name: how alike it is to each letter's, and its box with brackets in the picture's own pixels."""

    style: str
    scores: Mapping[str, float]
    box: Region

    def reads(self, label: str) -> bool:
        """Is it about as like to ``label`` as to any letter?"""
        return self.scores.get(label, 0.0) >= max(self.scores.values()) - _DOUBT


def names_in(image: Image.Image) -> list[Name]:
    """All words of the picture that may be names."""
    small, shrink = shrunk(image.convert("RGB"))
    red, green, blue = (np.asarray(channel) for channel in small.split())
    darkest, lightest = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    found = []
    for mask in (darkest < _DARK, lightest > _LIGHT):
        for word in _words(mask):
            likeliest = max(map(_read, word), key=_surety)
            if _surety(likeliest) >= _LEAST:
                box = Region(*(round(each / shrink) for each in likeliest.box))
                found.append(replace(likeliest, box=box))
    return found


def _surety(name: Name) -> float:
    return max(name.scores.values())


@dataclass(frozen=True)
class _Word:
    """A shape as wide as a name; ``letter`` is what stands between its brackets, None where they touch it."""

    box: Region
    shape: NDArray[np.bool_]
    letter: NDArray[np.bool_] | None


def _words(mask: NDArray[np.bool_]) -> Iterator[list[_Word]]:
    """Beginnings of lines: of each, the parts from its left that may be a name."""
    labelled, _ = ndimage.label(mask, structure=np.ones((3, 3), int))
    found = ndimage.find_objects(labelled)
    boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in found], np.int64).reshape(-1, 4)
    sizes = boxes[:, 2:] - boxes[:, :2]
    kept = np.flatnonzero((sizes[:, 1] <= _HIGH) & (sizes[:, 0] <= _WIDEST * _HIGH))
    boxes = boxes[kept]
    if not 0 < len(kept) <= _MOST_SPOTS:
        return
    pairs = _linked(boxes)
    links = csr_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(len(boxes), len(boxes)))
    _, word_of = connected_components(links, directed=False)
    order = np.lexsort((boxes[:, 0], word_of))
    for spots in np.split(order, np.flatnonzero(np.diff(word_of[order])) + 1):
        parts = [spots[:count] for count in range(2, min(_PARTS, len(spots)) + 1)]
        word = []
        for part in parts:
            box = _around(boxes[part])
            if (named := _may_be_name(boxes[part], box)) is not None and _opens_line(box, boxes):
                shape = np.isin(labelled[box.y0 : box.y1, box.x0 : box.x1], kept[part] + 1)
                word.append(_Word(box, shape, _letter(labelled, boxes[part[named]], kept[part[named]] + 1)))
        if word:
            yield word


def _letter(
    labelled: NDArray[np.int32], spots: NDArray[np.int64], numbers: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    if not len(spots):
        return None
    box = _around(spots)
    return np.isin(labelled[box.y0 : box.y1, box.x0 : box.x1], numbers)


def _may_be_name(spots: NDArray[np.int64], box: Region) -> slice | None:
    """Do brackets or a dot stand about something lower? If so, which spots are the letter; none where they touch it."""
    if not (_LOW <= box.height <= _HIGH and _SLIMMEST * box.height <= box.width <= _WIDEST * box.height):
        return None
    high, wide = spots[:, 3] - spots[:, 1], spots[:, 2] - spots[:, 0]
    bracket = (wide <= _NARROW * high) & (high >= 0.85 * box.height)
    if bracket[0] and bracket[-1]:
        letter = slice(1, len(spots) - 1)
    elif bracket[-1]:
        letter = slice(0, len(spots) - 1)
    elif bracket[0]:
        return slice(0)
    elif high[-1] <= _DOT * box.height and wide[-1] <= _DOT * box.height and spots[-1, 3] >= box.y1 - 2:
        return slice(0, len(spots) - 1)
    else:
        return None
    inner = spots[letter]
    if not len(inner):
        return None
    low, top = box.y1 - inner[:, 3].max(), inner[:, 1].min() - box.y0
    joined = letter.start == 0 and low == 0 and top == 0
    if joined or low >= _LOWER * box.height or top >= 2 * _LOWER * box.height:  # a digit is as high as its neighbours
        return slice(0) if joined else letter
    return None


def _linked(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 2): pairs of spots that are neighbours within a word."""
    order = np.argsort(boxes[:, 0], kind="stable")
    ordered = boxes[order]
    pairs = []
    for step in range(1, len(ordered)):
        near = np.flatnonzero(ordered[step:, 0] - ordered[:-step, 0] <= (_WIDEST + _NEAR) * _HIGH)
        if not len(near):
            break
        linked = near[_beside(ordered[near], ordered[near + step])]
        pairs.append(np.stack((order[linked], order[linked + step]), axis=1))
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)


def _beside(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Do the spots of ``other`` follow those of ``one`` in a word, or is either the other's dot?"""
    high, other_high = one[:, 3] - one[:, 1], other[:, 3] - other[:, 1]
    taller, lower = np.maximum(high, other_high), np.minimum(high, other_high)
    gap = other[:, 0] - one[:, 2]
    shared = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
    beside = (gap <= _NEAR * taller) & (shared >= 0.5 * lower)
    dotted = (gap < 0) & (-shared <= 0.3 * taller) & (lower <= _DOT * taller)  # of an i
    linked: NDArray[np.bool_] = beside | dotted
    return linked


def _around(spots: NDArray[np.int64]) -> Region:
    (x0, y0), (x1, y1) = spots[:, :2].min(axis=0), spots[:, 2:].max(axis=0)
    return Region(int(x0), int(y0), int(x1), int(y1))


def _opens_line(box: Region, spots: NDArray[np.int64]) -> bool:
    """Does no print stand just before it? Else it is a word in brackets within a sentence."""
    before = box.x0 - spots[:, 2]
    near = (before >= 0) & (before < _BEFORE * box.height) & (spots[:, 3] - spots[:, 1] >= 0.3 * box.height)
    shared = np.minimum(spots[:, 3], box.y1) - np.maximum(spots[:, 1], box.y0)
    return not bool((near & (shared > 0.3 * box.height)).any())


def _read(word: _Word) -> Name:
    """The style that a word is printed in and its likeness to each letter's name."""
    cells, aspects = templates()
    aspect = word.shape.shape[1] / word.shape.shape[0]
    likeness = cells @ _cell(word.shape) - _STRETCHED * np.abs(np.log(aspects / aspect))
    of_style = likeness.reshape(-1, len(STYLES), 2, len(LETTERS)).max(axis=(0, 2))
    at = int(of_style.max(axis=1).argmax())
    scores = dict(zip(LETTERS, of_style[at].tolist(), strict=True))
    if word.letter is not None:
        apart = letter_scores(word.letter, LETTERS, -1.0)
        scores = {letter: (score + apart.get(letter, -1.0)) / 2 for letter, score in scores.items()}
    return Name(STYLES[at], scores, word.box)


def _cell(shape: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A shape stretched to one size, as a vector of zero mean and unit length."""
    image = Image.fromarray(shape.astype(np.uint8) * 255).resize((_WIDE, _TALL), Image.Resampling.BOX)
    vector = ndimage.gaussian_filter(np.asarray(image, np.float32), _BLUR).ravel()
    vector -= vector.mean()
    unit: NDArray[np.float32] = vector / (float(np.linalg.norm(vector)) or 1.0)
    return unit


@cache
def templates() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Cells (n, 450) and aspects (n,) of names: by face and size, then style, then capitals and small letters."""
    fonts = [ImageFont.truetype(io.BytesIO(pymupdf.Font(face).buffer), size) for face in FACES for size in _SIZES]
    printed = (_printed(style.format(x), font) for font in fonts for style in STYLES for x in LETTERS + LETTERS.lower())
    shapes = list(printed)
    return np.stack([_cell(each) for each in shapes]), np.array([each.shape[1] / each.shape[0] for each in shapes])


def _printed(text: str, font: ImageFont.FreeTypeFont) -> NDArray[np.bool_]:
    image = Image.new("L", (160, 80))
    ImageDraw.Draw(image).text((20, 10), text, fill=255, font=font)
    shape = np.asarray(image) > 110
    ys, xs = np.nonzero(shape)
    return shape[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
