"""Finds the panel letters of a figure and their boxes, from the page's words or from the pixels.

Letters are accepted only as a set: most of the labels that the caption names, of one size, in rows or columns and in
reading order. A complete set that was read clearly is accepted in any order, because the print decides. A letter that
is alone or out of line is taken as part of the picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from PIL import Image

from journalclip_extraction.panels.glyphs import find_glyphs
from journalclip_extraction.panels.raster import Region

SIZES_ALIKE = 1.5  # largest ratio of heights within one set; b and d are taller than a and c
ENOUGH = 0.6  # share of the labels that must be found
SEEDS = 12
_LONGEST = 4  # characters of a label: "viii"
APART = 0.07  # least distance of two letters, as a share of the figure's longer side
CLEAR = 0.82  # mean score of letters read from pixels, 0 to 1, from which a complete set is accepted in any order
_WORD = re.compile(r"[(\[]?([A-Pa-p]|[A-Ha-h]\d|[ivx]{1,4}|\d{1,2})[)\].:]?$")


@dataclass(frozen=True)
class Candidate:
    """A place where ``label`` may be printed."""

    label: str
    score: float
    box: Region


@dataclass(frozen=True)
class PlacedWord:
    """A word printed over or beside the figure, in pixels of its image."""

    text: str
    box: Region


class Disorder(Exception):
    """The printed letters are not in reading order, and some of the labels were not found."""


def letters_of(image: Image.Image, words: Sequence[PlacedWord], labels: Sequence[str]) -> dict[str, Region]:
    """The boxes of the letters that were found; empty unless the letters make an accepted set.

    Raises `Disorder` if some labels are printed as words, but not all, and they are not in reading order.
    """
    if not labels or any(len(label) > _LONGEST for label in labels):
        return {}
    reach = APART * max(image.size)
    printed = _from_words(words, labels, reach)
    if printed or any(len(label) != 1 or label.isdigit() for label in labels):
        return printed
    return _from_pixels(image, labels)


def _from_words(words: Sequence[PlacedWord], labels: Sequence[str], reach: float) -> dict[str, Region]:
    found = []
    for word in words:
        match = _WORD.fullmatch(word.text.strip())
        label = next((each for each in labels if match and each.lower() == match[1].lower()), None)
        if label is not None:
            found.append(Candidate(label, 1.0, word.box))
    best = _best_set(found, len(labels), reach)
    if not best or len(best) == len(labels) or _in_order(best):
        return {c.label: c.box for c in best}
    raise Disorder


def _from_pixels(image: Image.Image, labels: Sequence[str]) -> dict[str, Region]:
    glyphs = find_glyphs(image, labels)
    found = [
        Candidate(label, score, glyph.box) for glyph in glyphs for label, score in glyph.scores.items() if score > 0
    ]
    best = _best_set(found, len(labels), APART * max(image.size))
    clear = len(best) == len(labels) and sum(c.score for c in best) >= CLEAR * len(best)
    return {c.label: c.box for c in best} if best and (clear or _in_order(best)) else {}


def _best_set(found: Sequence[Candidate], expected: int, reach: float) -> list[Candidate]:
    """The set with the highest score that grows from a seed; of equal scores, one in reading order."""
    seeds = sorted(found, key=lambda c: -c.score)[:SEEDS]
    sets = [grown for grown in (_grown(seed, found) for seed in seeds) if _apart(grown, reach)]
    enough = [grown for grown in sets if len(grown) >= max(2, math.ceil(ENOUGH * expected))]
    return max(enough, key=lambda s: (sum(c.score for c in s), _in_order(s)), default=[])


def _grown(seed: Candidate, found: Sequence[Candidate]) -> list[Candidate]:
    """Candidates of the seed's size, one for each label, each in line with a chosen one; highest score first."""
    alike = [c for c in found if 1 / SIZES_ALIKE <= c.box.height / seed.box.height <= SIZES_ALIKE]
    alike.sort(key=lambda c: -c.score)
    chosen = [seed]
    grew = True
    while grew:
        grew = False
        for candidate in alike:
            taken = any(candidate.label == c.label or candidate.box == c.box for c in chosen)
            if not taken and any(_in_line(candidate.box, c.box) for c in chosen):
                chosen.append(candidate)
                grew = True
    return chosen


def _in_line(a: Region, b: Region) -> bool:
    """Do two letters share a row (top or bottom) or a column (left or right edge)?"""
    near = 0.35 * max(a.height, b.height)
    return (
        min(abs(a.y0 - b.y0), abs(a.y1 - b.y1)) <= near or min(abs(a.x0 - b.x0), abs(a.x1 - b.x1)) <= near
    )  # letters such as a and b differ in height, so one equal edge is enough


def _apart(chosen: Sequence[Candidate], reach: float) -> bool:
    """Whether all letters are far apart, as panel letters are; letters of an axis or of a word are close."""
    return all(max(abs(a.box.x0 - b.box.x0), abs(a.box.y0 - b.box.y0)) >= reach for a, b in combinations(chosen, 2))


def _in_order(chosen: Sequence[Candidate]) -> bool:
    """Whether the letters go row by row from the left, or column by column from the top."""
    boxes = [c.box for c in sorted(chosen, key=lambda c: c.label)]
    pairs = list(pairwise(boxes))
    by_rows = all(b.y0 > a.y1 or (b.y1 > a.y0 and b.x0 >= a.x1) for a, b in pairs)
    by_columns = all(b.x0 > a.x1 or (b.x1 > a.x0 and b.y0 >= a.y1) for a, b in pairs)
    return by_rows or by_columns


__all__ = ["PlacedWord", "letters_of"]
