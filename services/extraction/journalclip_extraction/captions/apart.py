"""A label set above its figure, with its words below: where a label stands alone, which lines are its legend.

The label and the legend are one type, a picture fills what lies between them, and no running text does.
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
        if len(line.text) >= _LEAST and _in_type(line, label) and line.text[:1].isupper():
            return line if _picture_between(candidate.page, label, line) else None
    return None


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
