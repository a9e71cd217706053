"""Pages whose figures and captions are set sideways, turned so that the rest of extraction sees them upright.

A wide figure is often printed along the page's long side together with its caption, and some files store whole pages
turned. Such a page is turned before captions are looked for, and what was found on it is turned back into displayed
coordinates at the end. A page is turned as a whole: where most of its words, or a label, stand sideways.
"""

from __future__ import annotations

from collections import Counter

from journalclip_sources.pdf.content import Line, Linear, Page, Turn
from journalclip_sources.pdf.geometry import Rect
from journalclip_sources.pdf.labels import parse_label
from journalclip_sources.pdf.reader import append, continues
from journalclip_sources.pdf.typography import Typography

_LABEL_WEIGHT = 400  # characters that the label of a figure or table counts for: a page of text has 3,000
_BACK: dict[Turn, Turn] = {0: 0, 90: 270, 180: 180, 270: 90}


def make_upright(page: Page, habits: Typography) -> None:
    """Turn the page in place if most of what it says is set sideways; lines keep their identity."""
    turn = _reading_turn(page, habits)
    if not turn:
        return
    for line in page.lines:
        line.box = turned(line.box, turn, page.box)
        line.turn = _less(line.turn, turn)
    for picture in page.pictures:
        picture.box = turned(picture.box, turn, page.box)
        picture.linear = _turned_linear(picture.linear, turn)
    for vector in page.vectors:
        vector.box = turned(vector.box, turn, page.box)
    page.box, page.turn = turned(page.box, turn, page.box), turn
    page.lines = _joined(page.lines)


def as_displayed(box: Rect, page: Page) -> Rect:
    """A box found on the turned page, where readers see it."""
    return turned(box, _BACK[page.turn], page.box)


def turned(box: Rect, turn: Turn, page: Rect) -> Rect:
    """``box`` after turning ``page`` clockwise."""
    if turn == 90:
        return Rect(page.y1 - box.y1, box.x0 - page.x0, page.y1 - box.y0, box.x1 - page.x0)
    if turn == 180:
        return Rect(page.x1 - box.x1, page.y1 - box.y1, page.x1 - box.x0, page.y1 - box.y0)
    if turn == 270:
        return Rect(box.y0 - page.y0, page.x1 - box.x1, box.y1 - page.y0, page.x1 - box.x0)
    return box


def _reading_turn(page: Page, habits: Typography) -> Turn:
    if not any(line.turn for line in page.lines):
        return 0
    weights: Counter[Turn] = Counter()
    for line in page.lines:
        if habits.is_furniture(line):
            continue
        label = parse_label(line.text)
        weights[line.turn] += len(line.text) + (_LABEL_WEIGHT if label is not None and label.kind != "other" else 0)
    best: Turn = max(weights, key=lambda turn: weights[turn], default=0)
    return best if weights[best] > weights[0] else 0


def _turned_linear(linear: Linear | None, turn: Turn) -> Linear | None:
    if linear is None:
        return None
    a, b, c, d = linear
    for _ in range(turn // 90):
        a, b, c, d = -b, a, -d, c
    return a, b, c, d


def _less(turn: Turn, by: Turn) -> Turn:
    quarters: tuple[Turn, ...] = (0, 90, 180, 270)
    return quarters[(turn - by) // 90 % 4]


def _joined(lines: list[Line]) -> list[Line]:
    """Printed lines that were read in pieces, which is told of upright lines only."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last is not None and last.block == line.block and continues(last, line):
            append(last, line)
        else:
            joined.append(line)
    return joined
