"""Which lines of a page are running text and which are words inside a picture.

Running text (prose) is what a figure cannot reach across: paragraphs, captions, headings, running heads. Everything
else, tick labels, panel letters, the boxes of a flow chart, belongs to the graphics around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from journalclip_extraction.geometry import Rect, union
from journalclip_extraction.page.content import Line, Page
from journalclip_extraction.page.typography import Typography, family

_FULL = 0.7  # of a column's width: narrower blocks are labels, list items or last lines
_PROSE_CHARS = 28  # characters in an average line of running text; labels in charts are shorter
_LINES = 2


def split_roles(page: Page, habits: Typography, captions: Collection[int]) -> tuple[list[Line], list[Line]]:
    """``(prose, labels)``; ``captions`` are ids of lines already known to be captions, which count as prose."""
    blocks: dict[int, list[Line]] = defaultdict(list)
    for line in page.lines:
        blocks[line.block].append(line)
    prose: list[Line] = []
    labels: list[Line] = []
    holders = [p.box for p in page.pictures] + [v.box for v in page.vectors if v.is_rect and v.box.area > 900]
    for lines in blocks.values():
        running = _is_prose(lines, habits, page.box)
        box = union(line.box for line in lines)
        inside = running and _inside(box, holders, page.box)
        for line in lines:
            fixed = id(line) in captions or habits.is_furniture(line)
            (prose if fixed or (running and not inside) else labels).append(line)
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
    if habits.on_edge(head) and (body or (head.bold and head.size >= habits.body_size - 0.3)):
        return average >= 6 or len(lines) >= _LINES
    return False


def _inside(box: Rect, holders: list[Rect], page: Rect) -> bool:
    """Stands in a picture or in a drawn box (a flow chart's), not merely on a page-wide tint."""
    return any(h.holds(box, 2.0) and h.area < 0.5 * page.area and h.area < 12 * box.area for h in holders)
