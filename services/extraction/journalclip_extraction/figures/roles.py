"""Which lines of a page are running text and which are words inside a picture.

Running text (prose) is what a figure cannot reach across: paragraphs, captions, headings, running heads. Everything
else, tick labels, panel letters, the boxes of a flow chart, belongs to the graphics around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect, union
from journalclip_sources.pdf.typography import Typography, family

_FULL = 0.7  # of a column's width: narrower blocks are labels, list items or last lines
_PROSE_CHARS = 28  # characters in an average line of running text; labels in charts are shorter
_LINES = 2
_SHORT = 6  # characters: fewer are a letter, a number or a unit
_BELOW = 4.5  # of its type size: running text begins no further below the head of its heading


def split_roles(page: Page, habits: Typography, captions: Collection[int]) -> tuple[list[Line], list[Line]]:
    """``(prose, labels)``; ``captions`` are ids of lines already known to be captions, which count as prose."""
    blocks: dict[int, list[Line]] = defaultdict(list)
    for line in page.lines:
        blocks[line.block].append(line)
    prose: list[Line] = []
    labels: list[Line] = []
    holders = [p.box for p in page.pictures] + [v.box for v in page.vectors if v.is_rect and v.box.area > 900]
    running = {number: _is_prose(lines, habits, page.box) for number, lines in blocks.items()}
    _find_headings(blocks, running, habits)
    for number, lines in blocks.items():
        inside = running[number] and _inside(union(line.box for line in lines), holders, page.box)
        for line in lines:
            fixed = id(line) in captions or habits.is_furniture(line)
            (prose if fixed or (running[number] and not inside) else labels).append(line)
    return prose, labels


def _is_prose(lines: list[Line], habits: Typography, page: Rect) -> bool:
    if lines[0].turn:
        return False
    box = union(line.box for line in lines)
    average = sum(len(line.text) for line in lines) / len(lines)
    full = box.width >= _FULL * min(habits.column_width, 0.8 * page.width)
    if len(lines) >= _LINES and full and average >= _PROSE_CHARS:
        return True
    head = lines[0]
    body = habits.is_body_size(head) and family(head.font) in habits.body_fonts
    if head.bold and len(lines) == 1:
        return False  # a heading or a label: `_find_headings` tells
    return habits.on_edge(head) and body and (average >= _SHORT or len(lines) >= _LINES)


def _find_headings(blocks: dict[int, list[Line]], running: dict[int, bool], habits: Typography) -> None:
    """Bold words on a column's edge are a heading where running text or another heading follows, else labels."""
    boxes = {number: union(line.box for line in lines) for number, lines in blocks.items()}
    for number in sorted(blocks, key=lambda each: -boxes[each].y0):
        head, box = blocks[number][0], boxes[number]
        bold = head.bold and head.size >= habits.body_size - 0.3 and not head.turn
        long = sum(len(line.text) for line in blocks[number]) >= _SHORT
        if running[number] or not (bold and long and habits.on_edge(head)):
            continue
        running[number] = any(
            running[other] and boxes[other].x_overlap(box) > 0 and 0 <= boxes[other].y0 - box.y0 < _BELOW * head.size
            for other in blocks
            if other != number
        )


def _inside(box: Rect, holders: list[Rect], page: Rect) -> bool:
    """Stands in a picture or in a drawn box (a flow chart's), not merely on a page-wide tint."""
    return any(h.holds(box, 2.0) and h.area < 0.5 * page.area and h.area < 12 * box.area for h in holders)
