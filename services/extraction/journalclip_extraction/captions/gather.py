"""How far a caption reaches: from its label line on, line by line, while nothing says that it ended.

A caption goes on in the same type, at the same pitch, in the same column; it may go on at the top of a column beside it
(a legend set in two columns under a wide figure) or of the next page. It never takes a line that starts another label.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from journalclip_extraction.captions.apart import legend_below
from journalclip_extraction.captions.candidates import THRESHOLD, Candidate
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect, union
from journalclip_sources.pdf.typography import Typography, family

_SIZE_SLACK = 0.35  # points
_TITLE_SLACK = 1.6  # points: a caption's bold title may be set a little larger than its legend
_LOOSE = 1.3  # of the usual pitch: beyond it a new paragraph begins
_TERMINAL = tuple(".!?)]")
_GUTTER = 6.0  # of the type size: two columns of one legend stand no further apart
_PIECE_CHARS = 12  # characters: a numerator, a bound, a subscript that MuPDF gives as a line of its own
_MAX_PIECES = 24
_COLUMN = 50.0  # points: columns begin further apart, lines of one column less
MAX_LINES = 80  # no printed caption is longer; a runaway stops here


@dataclass(slots=True, eq=False)
class Caption:
    """A caption's lines, in reading order, and the page and box they cover there, without a label set apart."""

    candidate: Candidate
    lines: list[Line]
    box: Rect  # the lines on the label's page
    text: str = ""
    pages: list[int] = field(default_factory=list)


class Gatherer:
    """Collects captions of one document; lines that start one are known, so that none runs into another."""

    def __init__(self, pages: Sequence[Page], habits: Typography, candidates: Sequence[Candidate]) -> None:
        self._habits = habits
        self._starts = {id(c.line) for c in candidates if c.score >= THRESHOLD}
        self._upright = {page.number: [li for li in page.lines if not habits.is_furniture(li)] for page in pages}

    def gather(self, candidate: Candidate) -> Caption:
        first = candidate.line
        pool = [line for line in self._upright[candidate.page.number] if line.turn == first.turn]
        lines = self._follow([first], pool)
        legend = legend_below(candidate, pool, self._habits) if len(lines) == 1 else None
        if legend is not None and id(legend) not in self._starts:
            below = self._follow([legend], pool)
            return Caption(candidate, [first, *below], union(line.box for line in below), pages=[candidate.page.number])
        beside = self._beside(lines, pool)
        while beside is not None and len(lines) < MAX_LINES:
            lines = lines + self._follow([beside], [line for line in pool if line not in lines])
            beside = self._beside(lines, pool)
        box = union(line.box for line in lines)
        after = self._overleaf(candidate, lines)
        return Caption(candidate, lines + after, box, pages=[candidate.page.number])

    def _follow(self, lines: list[Line], pool: Sequence[Line]) -> list[Line]:
        lines = list(lines)
        while len(lines) < MAX_LINES:
            row = self._row_after(lines, pool)
            if not row:
                break
            lines.extend(row)
        return lines

    def _row_after(self, lines: Sequence[Line], pool: Sequence[Line]) -> list[Line]:
        """The next row of the caption; stray pieces of formulas between its rows are passed over."""
        passed: set[int] = set()
        while len(passed) < _MAX_PIECES:
            row = _next_row(lines, [line for line in pool if id(line) not in passed])
            if not row or any(id(line) in self._starts for line in row):
                return []
            if self._continues(lines, row[0]):
                return row
            if not all(self._is_piece(line, lines) for line in row):
                return []
            passed.update(id(line) for line in row)
        return []

    def _is_piece(self, line: Line, lines: Sequence[Line]) -> bool:
        usual = max(lines, key=lambda li: len(li.text))
        return len(line.text) <= _PIECE_CHARS and line.box.width < 0.3 * usual.box.width

    def _continues(self, lines: Sequence[Line], line: Line) -> bool:
        last = lines[-1]
        if not self._same_type(lines, line):
            return False
        pitch = line.box.y1 - last.box.y1
        if pitch > _LOOSE * self._usual_pitch(lines, line) + 0.6 and not (len(lines) == 1 and line.block == last.block):
            return False
        if pitch > 2.2 * line.size:
            return False
        if not _aligned(lines, line):
            return False
        return not self._paragraph_ended(lines, line)

    def _same_type(self, lines: Sequence[Line], line: Line) -> bool:
        usual = lines[-1] if len(lines) == 1 else max(lines[1:], key=lambda li: len(li.text))
        difference = abs(line.size - usual.size)
        if len(lines) == 1 or (len(lines) == 2 and line.block == lines[-1].block):
            alike = difference <= _TITLE_SLACK
            if difference > _SIZE_SLACK and self._habits.is_body_style(line) and not self._habits.is_body_style(usual):
                return False
        else:
            alike = difference <= _SIZE_SLACK or (len(line.text) < 12 and line.block == lines[-1].block)
        if not alike:
            return False
        families = {family(li.font) for li in lines} | {family(li.lead_font) for li in lines}
        changed = family(line.font) not in families and family(line.lead_font) not in families
        return not (changed and self._habits.is_body_style(line) and len(lines) > 1)

    def _usual_pitch(self, lines: Sequence[Line], line: Line) -> float:
        steps = [b.box.y1 - a.box.y1 for a, b in pairwise(lines) if b.box.y1 > a.box.y1 + 1]
        return median(steps) if len(steps) >= 2 else max(self._habits.pitch * max(line.size, lines[-1].size), *steps, 0)

    def _paragraph_ended(self, lines: Sequence[Line], line: Line) -> bool:
        """Where captions are set in the body's own type, a full stop on a short line ends them."""
        if not self._habits.is_body_style(line) or not self._habits.is_body_style(lines[-1]):
            return False
        right = max(li.box.x1 for li in (*lines, line))
        short = lines[-1].box.x1 < right - 2.5 * line.size
        return short and lines[-1].text.endswith(_TERMINAL) and line.block != lines[-1].block

    def _beside(self, lines: Sequence[Line], pool: Sequence[Line]) -> Line | None:
        """The first line of the caption's next column, level with its first line and in its own type."""
        box = union(line.box for line in lines)
        first, usual = lines[0], max(lines, key=lambda li: len(li.text))
        if self._habits.is_body_style(usual) or len(lines) < 2:
            return None
        for line in pool:
            level = abs(line.box.y1 - first.box.y1) < 0.4 * usual.size
            near = 0 < line.box.x0 - box.x1 < _GUTTER * usual.size
            alike = abs(line.size - usual.size) <= _SIZE_SLACK and family(line.font) == family(usual.font)
            if level and near and alike and id(line) not in self._starts and line not in lines and _heads(line, pool):
                return line
        return None

    def _overleaf(self, candidate: Candidate, lines: Sequence[Line]) -> list[Line]:
        """The rest of a caption that a page break cut."""
        last, usual = lines[-1], max(lines, key=lambda li: len(li.text))
        following = self._upright.get(candidate.page.number + 1, [])
        cut = not last.text.endswith(_TERMINAL) and last.box.y1 > 0.85 * candidate.page.box.y1
        if not cut or len(lines) < 2 or not following:
            return []
        top = min(following, key=lambda li: (round(li.box.y0 / 6), li.box.x0))
        if abs(top.size - usual.size) > _SIZE_SLACK or family(top.font) != family(usual.font):
            return []
        if self._habits.is_body_style(usual) and not (self._text_ended(candidate.page, lines) and _goes_on(top)):
            return []
        return [] if id(top) in self._starts else self._follow([top], following)

    def _text_ended(self, page: Page, lines: Sequence[Line]) -> bool:
        """The running text of the page came to a full stop, so that what goes on overleaf is the caption's."""
        body = [
            line
            for line in self._upright[page.number]
            if line not in lines and self._habits.is_body_style(line) and len(line.text) > _PIECE_CHARS
        ]
        last = max(body, key=lambda li: (round(li.box.x0 / _COLUMN), li.box.y1), default=None)
        return last is None or last.text.endswith(_TERMINAL)


def _goes_on(line: Line) -> bool:
    """The line begins in the middle of a sentence."""
    return not line.text[:1].isupper()


def _heads(line: Line, pool: Sequence[Line]) -> bool:
    """Nothing in its type stands straight above it: it is not the middle of another caption."""
    return not any(
        other.box.x_overlap(line.box) > 0
        and 0 < line.box.y1 - other.box.y1 < 2 * line.size
        and abs(other.size - line.size) <= _SIZE_SLACK
        for other in pool
    )


def _next_row(lines: Sequence[Line], pool: Sequence[Line]) -> list[Line]:
    """The line straight below, with the other pieces of the same printed row."""
    last = lines[-1]
    column = union(line.box for line in lines)
    floor = last.box.y0 + 0.5 * last.size
    below = [
        line
        for line in pool
        if line.box.y0 > floor and line.box.x_overlap(column) > 0 and line.box.y0 < last.box.y1 + 2.5 * last.size
    ]
    if not below:
        return []
    best = min(below, key=lambda line: (line.box.y0, line.box.x0))
    level = [
        line
        for line in below
        if abs(line.box.y1 - best.box.y1) < 0.35 * best.size and abs(line.size - best.size) < _TITLE_SLACK
    ]
    return _unbroken(sorted(level, key=lambda line: line.box.x0), best)


def _unbroken(level: Sequence[Line], best: Line) -> list[Line]:
    """The pieces of one printed row: neighbours at most two ems apart, starting from ``best`` to either side."""
    row, around = [best], best.box
    for line in (*level, *reversed(level)):
        gap = max(line.box.x0 - around.x1, around.x0 - line.box.x1)
        if line not in row and gap < 2.0 * best.size:
            row.append(line)
            around = union((around, line.box))
    return sorted(row, key=lambda line: line.box.x0)


def _aligned(lines: Sequence[Line], line: Line) -> bool:
    em = line.size
    left = min(li.box.x0 for li in lines[-3:])
    if abs(line.box.x0 - left) <= 1.2 * em or abs(line.box.x0 - lines[0].box.x0) <= 2.5 * em:
        return True
    column = union(li.box for li in lines)
    if abs(line.box.cx - column.cx) <= 0.6 * em:
        return True
    return line.block == lines[-1].block and column.grow(em).x0 <= line.box.x0


def taken(captions: Collection[Caption]) -> set[int]:
    """id() of every line that a caption holds."""
    return {id(line) for caption in captions for line in caption.lines}
