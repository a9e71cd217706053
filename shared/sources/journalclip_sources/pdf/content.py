"""What stands on a page. Lines are in the order of the content stream; every box is inside the page.

A `Line` is one printed line of one column. ``size`` and ``font`` are those of most of its characters; ``lead_*`` those
of its first word, since a label is often set apart by nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from journalclip_sources.pdf.geometry import Rect

Turn = Literal[0, 90, 180, 270]  # clockwise degrees that bring text upright
_LEFTWARD = re.compile(r"[\u0590-\u08ff]")  # letters of Hebrew, Arabic and their kin
Linear = tuple[float, float, float, float]  # a, b, c, d of the matrix that places the unit square on the page


@dataclass(slots=True, eq=False)
class Line:
    """A printed line; compared by identity, since two lines may say the same."""

    text: str
    box: Rect
    size: float
    font: str
    bold: bool
    lead_font: str
    lead_bold: bool
    lead_chars: int  # characters before the style first changes; len(text) where it never does
    block: int
    order: int
    turn: Turn = 0
    doubtful: bool = False  # a character of it may be read other than it is drawn
    level_text: str = ""  # without what is raised above the line, where anything is

    @property
    def leftward(self) -> bool:
        """Written from right to left."""
        return not self.text.isascii() and _LEFTWARD.search(self.text) is not None


@dataclass(slots=True)
class Picture:
    """A raster as placed on the page: its visible box and its own pixels. ``linear`` says how it is turned."""

    box: Rect
    width: int
    height: int
    linear: Linear | None = None
    whole: bool = False  # nothing of it is clipped away

    @property
    def upright(self) -> bool:
        """Shown as stored: neither turned nor mirrored."""
        if self.linear is None:
            return False
        a, b, c, d = self.linear
        return a > 0 and d > 0 and abs(b) < 1e-3 * a and abs(c) < 1e-3 * d


@dataclass(slots=True)
class Vector:
    """The visible (clipped) extent of one path."""

    box: Rect
    stroked: bool
    is_rect: bool
    white: bool


@dataclass(slots=True)
class Page:
    """``number`` counts from 1. ``turn`` is how far the page was turned from how it is displayed: see `upright`."""

    number: int
    box: Rect
    turn: Turn = 0
    lines: list[Line] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    vectors: list[Vector] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # texts that leave no mark on paper
    stamped: bool = False  # carries annotations that may be pictures: crops are rendered with them
    scanned: bool = False  # an image of a page with its words beneath
