"""Body lines -> whole paragraphs, across columns and pages.

A paragraph begins where a line is indented, stands off the line above, changes type, or follows a short line that ended
a sentence. It goes on over a column or page break where the sentence has not ended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from journalclip_extraction.captions.wording import join_lines
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.typography import Typography

_INDENT = 0.8  # of the type size
_LOOSE = 1.45  # of the usual pitch
_SHORT = 3.0  # of the type size: a line that ends this far before its column ended its paragraph
_ENDS = (".", "!", "?", ":", ".)", ".]", ".”", '."')


@dataclass(slots=True)
class Paragraph:
    """Some running text and the page it begins on."""

    page: int
    lines: list[Line] = field(default_factory=list)
    words: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        return join_lines([line.text for line in self.lines], self.words)


def body_paragraphs(pages: Sequence[Page], habits: Typography, captions: Collection[int]) -> list[Paragraph]:
    """All paragraphs in the body's size, captions and furniture left out, in reading order."""
    found: list[Paragraph] = []
    for page in pages:
        for line in page.lines:
            if line.turn or id(line) in captions or habits.is_furniture(line) or not habits.is_body_size(line):
                continue
            if not found or _begins(found[-1].lines, line, page.number != found[-1].page, habits):
                found.append(Paragraph(page.number))
            found[-1].lines.append(line)
    return found


def _begins(before: Sequence[Line], line: Line, other_page: bool, habits: Typography) -> bool:
    last = before[-1]
    if _is_heading(last, habits) != _is_heading(line, habits):
        return True
    ended = last.text.endswith(_ENDS)
    if other_page or line.box.y1 < last.box.y1 - last.size or line.box.x0 > last.box.x1:
        return ended
    if line.box.y1 - last.box.y1 > _LOOSE * habits.pitch * line.size:
        return True
    full = max(li.box.x1 for li in (*before[-4:], line))
    left = min(li.box.x0 for li in (*before[-4:], line))
    indented = line.box.x0 - left > _INDENT * line.size and last.box.x0 - left < 0.3 * line.size
    return (ended and last.box.x1 < full - _SHORT * line.size) or (indented and ended)


def _is_heading(line: Line, habits: Typography) -> bool:
    return line.bold and line.lead_chars >= len(line.text) and line.box.width < 0.9 * habits.column_width
