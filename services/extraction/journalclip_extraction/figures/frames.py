"""Frames: lines or boxes that a journal draws around a figure together with its caption.

A frame is the strongest word a page has on what belongs together, and it is no part of the picture. It may be one path,
four rules, rules with rounded corners, or images a point thin; what counts is that an upright line stands on either
side of the caption and both reach well past it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from journalclip_sources.pdf.content import Page
from journalclip_sources.pdf.geometry import Rect, union

_THIN = 4.0  # points: a rule's thickness
_BEYOND = 40.0  # points: a side reaches this much past its caption, or it is a bar beside a note
_ALIKE = 12.0  # points: both sides begin and end within this, rounded corners and all
_EDGE = 5.0  # points: what lies this close to a side is of the frame
_MARGIN = 60.0  # points: a caption's text starts at most this far inside its frame
_PAGE_SHARE = 0.92  # of the page: a larger frame is the page's own


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's outer box, and the caption it was found by."""

    box: Rect
    caption: Rect

    def is_edge(self, mark: Rect) -> bool:
        """The mark is a side or a corner of the frame, or the frame as one path."""
        box = self.box
        if not box.grow(_EDGE).holds(mark):
            return False
        if mark.holds(self.caption):
            return True
        inner = box.grow(-_EDGE)
        outside = mark.x1 <= inner.x0 or mark.x0 >= inner.x1 or mark.y1 <= inner.y0 or mark.y0 >= inner.y1
        return outside and min(mark.width, mark.height) <= 2 * _EDGE

    def slot(self, caption: Rect, picture: Rect) -> Rect:
        """The part of the frame that the caption leaves to the picture."""
        inner = self.box.grow(-1.0)
        if picture.cy <= caption.y0:
            return Rect(inner.x0, inner.y0, inner.x1, caption.y0 - 1.0)
        if picture.cy >= caption.y1:
            return Rect(inner.x0, caption.y1 + 1.0, inner.x1, inner.y1)
        return picture

    def drawing(self, caption: Rect, marks: Rect) -> Rect:
        """The box of a framed drawing whose ``marks`` leave parts of its slot blank.

        How much of the blank is the drawing's own, the page does not say: a drawing is placed from the frame's upper
        left corner on, and ends somewhere between its last mark and the frame's far side. The middle is never far off.
        """
        slot = self.slot(caption, marks)
        far = marks.x1 + (slot.x1 - marks.x1) / 2
        return union((marks, Rect(slot.x0, slot.y0, max(far, slot.x0), max(marks.y1, slot.y0))))


def find_frame(page: Page, caption: Rect) -> Frame | None:
    """The smallest frame that holds the caption and more than the caption."""
    found = [*_paths(page, caption), *_sides(page, caption)]
    fitting = [box for box in found if box.area < _PAGE_SHARE * page.box.area]
    return Frame(min(fitting, key=lambda box: box.area), caption) if fitting else None


def _paths(page: Page, caption: Rect) -> Iterator[Rect]:
    for vector in page.vectors:
        box = vector.box
        if box.height > caption.height + _BEYOND and box.holds(caption) and not (vector.white and not vector.stroked):
            yield box


def _sides(page: Page, caption: Rect) -> Iterator[Rect]:
    """Pairs of upright rules left and right of the caption."""
    rules = [box for box in _boxes(page) if box.width <= _THIN and box.height > _BEYOND]
    tall = [r for r in rules if r.height >= caption.height + _BEYOND and r.y0 <= caption.y0 and r.y1 >= caption.y1 - 1]
    for left in tall:
        if not 0 <= caption.x0 - left.x1 <= _MARGIN:
            continue
        for right in tall:
            if right.x0 >= caption.x1 - 1 and abs(left.y0 - right.y0) < _ALIKE and abs(left.y1 - right.y1) < _ALIKE:
                yield _closed(page, Rect(left.x0, min(left.y0, right.y0), right.x1, max(left.y1, right.y1)))


def _boxes(page: Page) -> list[Rect]:
    return [vector.box for vector in page.vectors] + [picture.box for picture in page.pictures]


def _closed(page: Page, sides: Rect) -> Rect:
    """With its top and bottom, where they are drawn a corner's radius further out."""
    flat = [box for box in _boxes(page) if box.height <= _THIN]
    near = [r for r in flat if sides.grow(_ALIKE).holds(r) and r.width > 0.6 * sides.width]
    y0 = min([r.y0 for r in near if abs(r.y0 - sides.y0) < _ALIKE], default=sides.y0)
    y1 = max([r.y1 for r in near if abs(r.y1 - sides.y1) < _ALIKE], default=sides.y1)
    return Rect(sides.x0, min(y0, sides.y0), sides.x1, max(y1, sides.y1))
