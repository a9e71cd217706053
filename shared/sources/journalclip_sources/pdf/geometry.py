"""Rectangles in PDF points, origin at the top left of the page, y growing downwards.

`Rect` is a tuple, because a page may hold ten thousand of them; `to_box` makes the record that leaves the extractor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from journalclip_shared.records.article import Box


class Rect(NamedTuple):
    """x0 <= x1 and y0 <= y1 hold for every rectangle that `page.reader` lets in."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def cx(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def cy(self) -> float:
        return (self.y0 + self.y1) / 2

    def grow(self, by: float) -> Rect:
        return Rect(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def clip(self, to: Rect) -> Rect:
        """The common part; empty (zero width or height) where there is none."""
        x0, y0 = max(self.x0, to.x0), max(self.y0, to.y0)
        return Rect(x0, y0, max(x0, min(self.x1, to.x1)), max(y0, min(self.y1, to.y1)))

    def x_overlap(self, other: Rect) -> float:
        return min(self.x1, other.x1) - max(self.x0, other.x0)

    def y_overlap(self, other: Rect) -> float:
        return min(self.y1, other.y1) - max(self.y0, other.y0)

    def overlap(self, other: Rect) -> float:
        """Area of the common part."""
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        if wide <= 0:
            return 0.0
        return wide * max(0.0, min(self.y1, other.y1) - max(self.y0, other.y0))

    def holds(self, other: Rect, slack: float = 0.0) -> bool:
        return (
            self.x0 - slack <= other.x0
            and self.y0 - slack <= other.y0
            and other.x1 <= self.x1 + slack
            and other.y1 <= self.y1 + slack
        )

    def holds_centre(self, other: Rect) -> bool:
        return self.x0 <= other.cx <= self.x1 and self.y0 <= other.cy <= self.y1


def union(rects: Iterable[Rect]) -> Rect:
    """The smallest rectangle around all of them; there must be at least one."""
    x0s, y0s, x1s, y1s = zip(*rects, strict=True)
    return Rect(min(x0s), min(y0s), max(x1s), max(y1s))


def iou(a: Rect, b: Rect) -> float:
    """Intersection over union, 0 to 1."""
    common = a.overlap(b)
    whole = a.area + b.area - common
    return common / whole if whole > 0 else 0.0


def to_box(rect: Rect) -> Box:
    """Two decimals: a hundredth of a point is finer than any printer, and keeps records stable."""
    return Box(x0=round(rect.x0, 2), y0=round(rect.y0, 2), x1=round(rect.x1, 2), y1=round(rect.y1, 2))
