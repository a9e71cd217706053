"""What the whole document says about its own typography: body size and fonts, line pitch, column edges, furniture.

A caption is told from body text by how it differs from *this* document's habits, never by a publisher's name. All
counts are by characters over all pages, so one odd page cannot tip them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.labels import parse_label

_SUBSET = re.compile(r"^[A-Z]{6}\+")
_STYLE = re.compile(
    r"[-,. ]?(?:bold|italic|oblique|regular|roman|medium|semibold|semi|demi|light|black|book|ital|obl|it|bd|rg|lt|mt|"
    r"ps|b|i|bi|r|cn|condensed)+$",
    re.IGNORECASE,
)
_SAME_SIZE = 0.6  # points: rounding of scaled fonts differs by less, a caption's size from the body's by more
_FONT_SHARE = 0.04  # of the body's characters: a font used less is emphasis or symbols
_MARGIN_BAND = 0.11  # of the page's height: running heads and page numbers live there
_BODY_PAGES = 3  # at least; the last third of an article is references, often longer than its text
_FURNITURE_PAGES = 3  # the same words at the same height on this many pages are furniture
_EDGE_STEP = 3.0  # points: how exactly a column's left edge is kept
_EDGE_SHARE = 0.06  # of the body's lines: an edge used less is an indent or a list


@dataclass(frozen=True)
class Typography:
    """The document's habits. ``pitch`` is baseline distance over type size."""

    body_size: float
    body_fonts: frozenset[str]
    pitch: float
    column_width: float
    left_edges: frozenset[int] = field(default_factory=frozenset)
    furniture: frozenset[int] = field(default_factory=frozenset)  # id() of lines; they live as long as the pages

    def is_body_size(self, line: Line) -> bool:
        return abs(line.size - self.body_size) <= _SAME_SIZE

    def is_body_style(self, line: Line) -> bool:
        """Set in the size and one of the fonts of running text."""
        return self.is_body_size(line) and family(line.font) in self.body_fonts

    def is_furniture(self, line: Line) -> bool:
        return id(line) in self.furniture

    def on_edge(self, line: Line) -> bool:
        """Starts where columns of running text start."""
        step = round(line.box.x0 / _EDGE_STEP)
        return not self.left_edges.isdisjoint((step - 1, step, step + 1))


_families: dict[str, str] = {}


def family(font: str) -> str:
    """Font name without subset tag and style words: ``ABCDEF+Minion-Bold`` and ``Minion-It`` are one family."""
    known = _families.get(font)
    if known is None:
        plain = _SUBSET.sub("", font)
        known = _families[font] = (_STYLE.sub("", plain) or plain).lower()
    return known


def learn(pages: Sequence[Page]) -> Typography:
    """Read the habits off all pages."""
    sizes: Counter[float] = Counter()
    for page in pages[: max(_BODY_PAGES, len(pages) * 2 // 3)]:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
    size = max(sizes, key=lambda s: (sizes[s], s)) if sizes else 10.0
    body = [line for page in pages for line in page.lines if abs(line.size - size) <= _SAME_SIZE and not line.turn]
    fonts: Counter[str] = Counter()
    for line in body:
        fonts[family(line.font)] += len(line.text)
    enough = _FONT_SHARE * sum(fonts.values())
    edges = Counter(round(line.box.x0 / _EDGE_STEP) for line in body)
    return Typography(
        body_size=size,
        body_fonts=frozenset(font for font, count in fonts.items() if count >= enough),
        pitch=_pitch(body),
        column_width=_column_width(body),
        left_edges=frozenset(edge for edge, count in edges.items() if count >= _EDGE_SHARE * len(body)),
        furniture=_furniture(pages),
    )


def _pitch(body: Sequence[Line]) -> float:
    """Median baseline distance over type size; in wide spacing every line is a block of its own."""
    steps = list(_steps(body, 2.5, within=True))
    if len(steps) * 4 < len(body):
        steps = list(_steps(body, 3.2, within=False)) or steps
    return median(steps) if steps else 1.2


def _steps(body: Sequence[Line], most: float, within: bool) -> Iterator[float]:
    for a, b in pairwise(body):
        step = b.box.y1 - a.box.y1
        if 0.8 * a.size < step < most * a.size and (a.block == b.block or (not within and b.box.x_overlap(a.box) > 0)):
            yield step / a.size


def _column_width(body: Sequence[Line]) -> float:
    """Width of a full line: three quarters of the lines are narrower (last lines, lists), a few span columns."""
    widths = sorted(line.box.width for line in body if len(line.text) > 25)
    return widths[len(widths) * 3 // 4] if widths else 240.0


def _furniture(pages: Sequence[Page]) -> frozenset[int]:
    groups: dict[tuple[str, int, int], list[Line]] = defaultdict(list)
    for page in pages:
        top, bottom = page.box.height * _MARGIN_BAND, page.box.height * (1 - _MARGIN_BAND)
        edge = [line for line in page.lines if line.box.y1 <= top or line.box.y0 >= bottom]
        # Captions that all stand at the page's head or foot may differ by little more than their numbers.
        labelled = {line.block for line in edge if parse_label(line.text)}
        for line in edge:
            wording = line.text if line.block in labelled else re.sub(r"\d+", "#", line.text)
            copies = page.number if line.block in labelled and not parse_label(line.text) else 0
            groups[wording, round(line.box.y0 / 4), copies].append(line)
    enough = min(_FURNITURE_PAGES, max(2, len(pages) // 2))
    return frozenset(id(line) for lines in groups.values() if len(lines) >= enough for line in lines)
