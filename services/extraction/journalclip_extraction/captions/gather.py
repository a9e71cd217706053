"""How far a caption reaches: from its label line on, line by line, while nothing says that it ended.

A caption goes on in the same type, at the same pitch, in the same column; it may go on at the top of a column beside it
(a legend set in two columns under a wide figure) or of the next page. It never takes a line that starts another label.
"""

from __future__ import annotations

import re
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
_FORMULA_CHARS = 80
_SIGNS = re.compile(r"[=<>≤≥≈∑∫∏×±+−]")
_FAR, _FARTHEST = 2.2, 2.7  # of the type size: no pitch of a caption is wider, or of one whose sentence is broken off
_HANG = 1.8  # of the type size: how exactly the words behind a hanging label are known
_LEAST_WORDS = 12  # characters: shorter lines below a label are letters of panels
_UNDER = 40.0  # points between a picture and the label below it
_COLUMN = 50.0  # points: columns begin further apart, lines of one column less
MAX_LINES = 80  # no printed caption is longer; a runaway stops here


@dataclass(slots=True, eq=False)
class Caption:
    """A caption's lines, in reading order, and the page and box they cover there, without a label set apart."""

    candidate: Candidate
    lines: list[Line]
    box: Rect  # the lines on the label's page
    twins: list[Caption] = field(default_factory=list)  # the bare label, or the same words, on other pages
    translation: Caption | None = None  # the same caption in another language
    rival: bool = False  # has the number of another caption; a figure only if it has a picture

    @property
    def wording(self) -> str:
        """The words behind the label, roughly: lines joined by spaces."""
        first, *rest = self.lines
        return " ".join([first.text[self.candidate.label.end :], *(line.text for line in rest)]).strip()


class Gatherer:
    """Collects captions of one document; lines that start one are known, so that none runs into another."""

    def __init__(self, pages: Sequence[Page], habits: Typography, candidates: Sequence[Candidate]) -> None:
        self._habits = habits
        self._starts = {id(c.line) for c in candidates if c.score >= THRESHOLD}
        self._upright = {page.number: [li for li in page.lines if not habits.is_furniture(li)] for page in pages}
        self._hang = 0.0  # where the words of the caption at hand begin behind its label
        self._apart: Candidate | None = None  # the candidate at hand, if its label stands alone on its line

    def gather(self, candidate: Candidate) -> Caption:
        first = candidate.line
        pool = [line for line in self._upright[candidate.page.number] if line.turn == first.turn]
        self._hang = _words_begin(candidate)
        self._apart = candidate if candidate.is_alone else None
        lines = self._follow([first], pool)
        legend = legend_below(candidate, pool, self._habits) if len(lines) == 1 else None
        if legend is not None and id(legend) not in self._starts:
            below = self._follow([legend], pool)
            return Caption(candidate, [first, *below], union(line.box for line in below))
        beside = self._beside(lines, pool)
        while beside is not None and len(lines) < MAX_LINES:
            lines = lines + self._follow([beside], [line for line in pool if line not in lines])
            beside = self._beside(lines, pool)
        box = union(line.box for line in lines)
        after = self._next_column(lines, pool) or self._overleaf(candidate, lines)
        return Caption(candidate, lines + after, box)

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
            if beyond := self._past_formula(lines, row, pool):
                return [*row, *beyond]
            if not all(self._is_piece(line, lines) for line in row):
                return []
            passed.update(id(line) for line in row)
        return []

    def _is_piece(self, line: Line, lines: Sequence[Line]) -> bool:
        usual = max(lines, key=lambda li: len(li.text))
        return len(line.text) <= _PIECE_CHARS and line.box.width < 0.3 * usual.box.width

    def _past_formula(self, lines: Sequence[Line], row: Sequence[Line], pool: Sequence[Line]) -> list[Line]:
        """The row behind ``row``, if that is a display formula in the middle of a sentence of the caption."""
        usual = max(lines, key=lambda li: len(li.text))
        left = min(line.box.x0 for line in lines)
        broken_off = not lines[-1].text.endswith(_TERMINAL)
        formula = all(len(li.text) <= _FORMULA_CHARS for li in row) and any(_SIGNS.search(li.text) for li in row)
        if not (broken_off and formula and row[0].box.x0 - left > usual.size):
            return []
        after = _next_row([*lines, *row], [line for line in pool if line not in row])
        if not after or any(id(line) in self._starts for line in after) or not _in_type(after[0], usual):
            return []
        near = after[0].box.y1 - row[-1].box.y1 < _FAR * usual.size
        return after if near and abs(after[0].box.x0 - left) <= usual.size else []

    def _continues(self, lines: Sequence[Line], line: Line) -> bool:
        last = lines[-1]
        if not self._same_type(lines, line):
            return False
        pitch = line.box.y1 - last.box.y1
        labelled = len(lines) == 1 and (line.block == last.block or self._apart is not None)
        broken_off = len(lines) == 1 and self._is_broken_off(lines, line)
        if pitch > _LOOSE * self._usual_pitch(lines, line) + 0.6 and not labelled and not broken_off:
            return False
        far = max(_FAR, _LOOSE * self._habits.pitch, _FARTHEST if broken_off else 0.0)
        if pitch > far * max(line.size, last.size):
            return False
        if not _aligned(lines, line, self._hang):
            return False
        return not self._paragraph_ended(lines, line)

    def _is_broken_off(self, lines: Sequence[Line], line: Line) -> bool:
        """In a type other than the body's, a full line without a stop goes on in the next, however wide the gap."""
        last = lines[-1]
        if last.text.endswith(_TERMINAL) or self._habits.is_body_style(line) or not _in_type(line, last):
            return False
        first_word = line.box.width * (len(line.text.split(" ", 1)[0]) + 1) / max(1, len(line.text))
        return last.box.x1 + first_word > max(line.box.x1, *(li.box.x1 for li in lines)) - 0.5 * line.size

    def _same_type(self, lines: Sequence[Line], line: Line) -> bool:
        if len(lines) == 1 and self._apart is not None and self._words_of_label(self._apart, line):
            return True
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

    def _words_of_label(self, candidate: Candidate, line: Line) -> bool:
        """``line`` straight below a label that stands alone is its caption, in whatever type but the body's.

        In the body's own type it is, where the label stands right below a picture.
        """
        label, page = candidate.line, candidate.page
        if len(line.text) < _LEAST_WORDS or any(picture.box.holds_centre(line.box) for picture in page.pictures):
            return False
        if not self._habits.is_body_style(line):
            return True
        marks = [picture.box for picture in page.pictures] + [vector.box for vector in page.vectors]
        return any(box.x_overlap(label.box) > 0 and -2 <= label.box.y0 - box.y1 < _UNDER for box in marks)

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

    def _next_column(self, lines: Sequence[Line], pool: Sequence[Line]) -> list[Line]:
        """The rest of a caption that the end of a column cut: the head of the next one, in the caption's own type."""
        last, usual = lines[-1], max(lines, key=lambda li: len(li.text))
        if last.text.endswith(_TERMINAL) or len(lines) < 2 or self._habits.is_body_style(usual):
            return []
        box = union(line.box for line in lines)
        if any(line.box.y0 > last.box.y1 and line.box.x_overlap(box) > 0 for line in pool):
            return []
        beside = [line for line in pool if box.x1 < line.box.x0 + usual.size and line.box.x0 < box.x1 + _COLUMN]
        top = min(beside, key=lambda line: line.box.y0, default=None)
        if top is None or id(top) in self._starts or not _in_type(top, usual) or top.box.y0 > lines[0].box.y0:
            return []
        if not top.text[:1].islower():
            return []  # a table or a heading: a sentence seldom breaks off before a capital
        return self._follow([top], [line for line in pool if line not in lines])

    def _text_ended(self, page: Page, lines: Sequence[Line]) -> bool:
        """The running text of the page came to a full stop, so that what goes on overleaf is the caption's."""
        body = [
            line
            for line in self._upright[page.number]
            if line not in lines and self._habits.is_body_style(line) and len(line.text) > _PIECE_CHARS
        ]
        last = max(body, key=lambda li: (round(li.box.x0 / _COLUMN), li.box.y1), default=None)
        return last is None or last.text.endswith(_TERMINAL)


def _words_begin(candidate: Candidate) -> float:
    """Where the words begin behind the label, told from its share of the line's characters."""
    box, text = candidate.line.box, candidate.line.text
    return box.x0 + box.width * candidate.label.end / max(1, len(text))


def _in_type(line: Line, other: Line) -> bool:
    return abs(line.size - other.size) <= _SIZE_SLACK and family(line.font) == family(other.font)


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
    row = _unbroken(sorted(level, key=lambda line: line.box.x0), best)
    return row[::-1] if best.leftward else row


def _unbroken(level: Sequence[Line], best: Line) -> list[Line]:
    """The pieces of one printed row: neighbours at most two ems apart, starting from ``best`` to either side."""
    row, around = [best], best.box
    for line in (*level, *reversed(level)):
        gap = max(line.box.x0 - around.x1, around.x0 - line.box.x1)
        if line not in row and gap < 2.0 * best.size:
            row.append(line)
            around = union((around, line.box))
    return sorted(row, key=lambda line: line.box.x0)


def _aligned(lines: Sequence[Line], line: Line, hang: float) -> bool:
    """Begins where the lines before do, or where the words begin behind a label that hangs."""
    em = line.size
    if len(lines) == 1 and abs(line.box.x0 - hang) <= _HANG * em:
        return True
    left, right = min(li.box.x0 for li in lines[-3:]), max(li.box.x1 for li in lines[-3:])
    if line.leftward and abs(line.box.x1 - right) <= 1.2 * em:
        return True
    if abs(line.box.x0 - left) <= 1.2 * em or abs(line.box.x0 - lines[0].box.x0) <= 2.5 * em:
        return True
    column = union(li.box for li in lines)
    if abs(line.box.cx - column.cx) <= 0.6 * em:
        return True
    return line.block == lines[-1].block and column.grow(em).x0 <= line.box.x0


def taken(captions: Collection[Caption]) -> set[int]:
    """id() of every line that a caption holds, or that repeats or translates it."""
    held = list(captions)
    for caption in captions:
        held += [*caption.twins, *([caption.translation] if caption.translation else [])]
    return {id(line) for caption in held for line in caption.lines}
