"""A label set above its figure, with its words below: where a label stands alone, which lines are its legend.

A picture fills what lies between them, and no running text does. The legend is in the label's type, or in another
that is not the body's where it stands right below the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_extraction.captions.candidates import Candidate
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect, union
from journalclip_sources.pdf.typography import Typography, family

_SAME_SIZE = 0.35  # points
_FILLED = 0.5  # of the height between label and legend: what marks must cover
_INDENT = 3.0  # of the type size: the legend begins no further to the side than this from label or picture
_CLOSE = 20.0  # points between a picture and the legend below it
_LEAST = 12  # characters: shorter lines in the label's type are words in the picture


def legend_below(candidate: Candidate, pool: Sequence[Line], habits: Typography) -> Line | None:
    """The first line of the legend of ``candidate``, whose label stands alone; ``pool`` is the page's running lines."""
    label = candidate.line
    if candidate.label.kind != "figure" or label.text[candidate.label.end :].strip(" .:|"):
        return None
    below = sorted((line for line in pool if line.box.y0 > label.box.y1), key=lambda line: (line.box.y0, line.box.x0))
    for line in below:
        if line.box.x_overlap(label.box) <= 0:
            continue  # another column
        if habits.is_body_style(line) and not _in_type(line, label):
            return None
        if len(line.text) < _LEAST or not line.text[:1].isupper():
            continue
        if _in_type(line, label):
            return line if _picture_between(candidate.page, label, line) else None
        if _picture_between(candidate.page, label, line) and _right_below_picture(candidate.page, line):
            return line
    return None


def _right_below_picture(page: Page, line: Line) -> bool:
    boxes = [picture.box for picture in page.pictures]
    inside = any(box.holds_centre(line.box) for box in boxes)
    return not inside and any(box.x_overlap(line.box) > 0 and 0 <= line.box.y0 - box.y1 < _CLOSE for box in boxes)


def _in_type(line: Line, label: Line) -> bool:
    return abs(line.size - label.size) <= _SAME_SIZE and family(line.font) == family(label.font)


def _picture_between(page: Page, label: Line, line: Line) -> bool:
    room = Rect(min(label.box.x0, line.box.x0), label.box.y1, max(label.box.x1, line.box.x1), line.box.y0)
    boxes = [picture.box for picture in page.pictures] + [vector.box for vector in page.vectors]
    marks = [box for box in boxes if room.y0 <= box.cy <= room.y1 and box.x_overlap(room) > 0]
    if not marks or room.height <= 0:
        return False
    filled = union(marks)
    near = min(abs(line.box.x0 - label.box.x0), abs(line.box.x0 - filled.x0)) <= _INDENT * line.size
    return near and room.y_overlap(filled) >= _FILLED * room.height
