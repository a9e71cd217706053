"""A figure and its caption into panels with subcaptions, or the reason why it stays whole.

Three counts must agree: the panels that the caption names, the panels that the layout shows, and, where panel letters
were found, one letter a panel. Only then are panels paired with subcaptions (tier "panels"); else the figure stays
whole with its whole caption (tier "whole"), and what the layout showed is still reported, without words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from journalclip_extraction.panels.beneath import panels_above
from journalclip_extraction.panels.fit import fitted
from journalclip_extraction.panels.letters import Disorder, PlacedWord, letters_of
from journalclip_extraction.panels.names import names_in
from journalclip_extraction.panels.order import in_reading_order
from journalclip_extraction.panels.raster import WHITE, Raster, Region
from journalclip_extraction.panels.segment import Segments, segment
from journalclip_extraction.panels.subcaptions import Subcaptions, of_some, parse_subcaptions
from journalclip_shared.records.article import Box

Reason = Literal[
    "accepted",
    "no-labels",  # the caption names no panels
    "count-differs",  # the layout shows more or fewer panels than the caption names
    "borders-weak",  # as many panels as named, but on little evidence
    "sizes-differ",  # one part is far too small to be a panel
    "letters-differ",  # a panel holds two letters, or another panel's, or the letters are in disorder
]
SURE = 0.3  # strength from which a cut counts as seen
CLEAR = 0.75  # of the weakest cut: what is left uncut must be that much weaker
_MOST_WHITE = 0.5  # share of white around a letter that is drawn into a picture
SMALLEST = 0.06  # of the largest panel's area


@dataclass(frozen=True)
class SplitPanel:
    """A panel: its box on the page and in the image's pixels; letter and words only where the figure was accepted."""

    letter: str | None
    page: int
    box: Box
    pixels: tuple[int, int, int, int]
    subcaption: str | None = None
    text: str | None = None  # the words common to all panels, then its own


@dataclass(frozen=True)
class PanelSplit:
    """What became of a figure."""

    tier: Literal["panels", "whole"]
    reason: Reason
    panels: tuple[SplitPanel, ...]
    lettered: bool = False  # the names of the panels are drawn into their pictures


def split_figure(
    image: Image.Image,
    words: Sequence[tuple[str, Box]],
    figure_box: Box,
    page: int,
    caption: str,
    *,
    layout: bool = True,
) -> PanelSplit:
    """Split the figure whose ``image`` shows ``figure_box`` of ``page``; ``words`` are the page's, with their boxes.

    ``layout``: report what the layout shows also where neither caption nor names beneath tell of panels.
    """
    said = parse_subcaptions(caption)
    labels = said.labels if said else ()
    placed = _in_pixels(words, figure_box, image)
    if labels and _prints_more(placed, labels):
        return PanelSplit("whole", "letters-differ", ())
    names = fitted(names_in(image), labels)
    if beneath := panels_above(image, names):
        return _accepted(said or of_some(beneath, caption), beneath, image, figure_box, page)
    if said is None and not layout:
        return PanelSplit("whole", "no-labels", ())
    try:
        letters = letters_of(image, placed, labels) or names
    except Disorder:
        return PanelSplit("whole", "letters-differ", ())
    raster = Raster(image)
    found = segment(raster, len(labels) or None, letters)
    regions = [_enlarged(region, raster, image) for region in found.regions]
    order = in_reading_order(regions)
    reason = _judge(found, order, labels, letters)
    if reason != "accepted" or said is None:
        return PanelSplit("whole", reason, tuple(_panel(None, r, None, image, figure_box, page) for r in order))
    split = _accepted(said, _named(order, labels, letters), image, figure_box, page)
    return replace(split, lettered=_drawn_in(image, letters, split.panels))


def _accepted(
    said: Subcaptions, named: Mapping[str, Region], image: Image.Image, figure_box: Box, page: int
) -> PanelSplit:
    panels = (_panel(label, named[label], text or None, image, figure_box, page) for label, text in said.parts.items())
    return PanelSplit("panels", "accepted", tuple(replace(p, text=said.text(p.letter or "")) for p in panels))


def _prints_more(words: Sequence[PlacedWord], labels: Sequence[str]) -> bool:
    """Does the page print, in brackets on the figure, the name that would come after the caption's last?"""
    following = chr(ord(max(labels)) + 1) if all(len(label) == 1 for label in labels) else ""
    return any(word.text.strip().upper() == f"({following})" for word in words if following)


def _drawn_in(image: Image.Image, letters: Mapping[str, Region], panels: Sequence[SplitPanel]) -> bool:
    """Do half of the letters or more stand in their panels' pictures, not in white?"""
    boxes = [(letters[panel.letter], panel.pixels) for panel in panels if panel.letter and panel.letter in letters]
    inside = [
        box
        for box, (x0, y0, x1, y1) in boxes
        if x0 <= (box.x0 + box.x1) / 2 <= x1 and y0 <= (box.y0 + box.y1) / 2 <= y1
    ]
    return sum(_white_around(image, box) < _MOST_WHITE for box in inside) >= len(panels) / 2


def _white_around(image: Image.Image, box: Region) -> float:
    """Share of white in the letter's surroundings, of half its height."""
    reach = box.height // 2
    frame = (max(0, box.x0 - reach), max(0, box.y0 - reach), box.x1 + reach, box.y1 + reach)
    shades = image.crop(frame).convert("L").histogram()
    return sum(shades[WHITE:]) / max(1, sum(shades))


def _judge(found: Segments, regions: Sequence[Region], labels: Sequence[str], letters: Mapping[str, Region]) -> Reason:
    if not labels:
        return "no-labels"
    if len(regions) != len(labels):
        return "count-differs"
    areas = [region.width * region.height for region in regions]
    if min(areas) < SMALLEST * max(areas):
        return "sizes-differ"
    if letters and not _one_letter_each(regions, letters):
        return "letters-differ"
    if len(letters) == len(labels):
        return "accepted"  # every letter in a panel of its own: the strongest witness there is
    if found.guessed or found.weakest < SURE or found.next_best > CLEAR * found.weakest:
        return "borders-weak"
    return "accepted"


def _one_letter_each(regions: Sequence[Region], letters: Mapping[str, Region]) -> bool:
    owners = [_owner(box, regions) for box in letters.values()]
    return len(set(owners)) == len(owners)


def _owner(letter: Region, regions: Sequence[Region]) -> int:
    """The panel that a letter belongs to: the one it lies in, else the nearest."""
    x, y = (letter.x0 + letter.x1) / 2, (letter.y0 + letter.y1) / 2

    def distance(region: Region) -> float:
        dx = max(region.x0 - x, 0, x - region.x1)
        dy = max(region.y0 - y, 0, y - region.y1)
        below = y > region.y1  # letters stand above their panel or in it, seldom below
        return float(dx * dx + dy * dy) * (4 if below else 1)

    return min(range(len(regions)), key=lambda i: distance(regions[i]))


def _named(order: Sequence[Region], labels: Sequence[str], letters: Mapping[str, Region]) -> dict[str, Region]:
    """Each label's panel: by its letter where one was found, the others in reading order; places by where they lie."""
    for low, places in ((0, ("left", "center", "right")), (1, ("top", "center", "bottom"))):
        if set(labels) <= set(places) and labels:
            by_place = sorted(order, key=lambda region: region[low] + region[low + 2])
            return dict(zip([place for place in places if place in labels], by_place, strict=True))
    named = {label: order[_owner(box, order)] for label, box in letters.items()}
    rest = [region for region in order if region not in named.values()]
    return {**named, **dict(zip([label for label in labels if label not in named], rest, strict=True))}


def _in_pixels(words: Sequence[tuple[str, Box]], figure: Box, image: Image.Image) -> list[PlacedWord]:
    """The words whose middle lies on the figure, in its pixels."""
    sx, sy = image.width / max(1e-6, figure.x1 - figure.x0), image.height / max(1e-6, figure.y1 - figure.y0)
    placed = []
    for text, box in words:
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        if figure.x0 <= x <= figure.x1 and figure.y0 <= y <= figure.y1:
            region = Region(
                round((box.x0 - figure.x0) * sx),
                round((box.y0 - figure.y0) * sy),
                round((box.x1 - figure.x0) * sx),
                round((box.y1 - figure.y0) * sy),
            )
            placed.append(PlacedWord(text, region))
    return placed


def _enlarged(region: Region, raster: Raster, image: Image.Image) -> Region:
    x0, y0, x1, y1 = (round(v * raster.scale) for v in region)
    return Region(x0, y0, min(x1, image.width), min(y1, image.height))


def _panel(
    label: str | None, region: Region, text: str | None, image: Image.Image, figure: Box, page: int
) -> SplitPanel:
    sx, sy = (figure.x1 - figure.x0) / image.width, (figure.y1 - figure.y0) / image.height
    box = Box(
        x0=round(figure.x0 + region.x0 * sx, 2),
        y0=round(figure.y0 + region.y0 * sy, 2),
        x1=round(figure.x0 + region.x1 * sx, 2),
        y1=round(figure.y0 + region.y1 * sy, 2),
    )
    return SplitPanel(label, page, box, (region.x0, region.y0, region.x1, region.y1), text)
