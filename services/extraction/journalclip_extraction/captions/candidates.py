"""Lines that may start a caption, each with the evidence for it.

A label at the start of a line is a caption's or just where a sentence about the figure broke. Geometry and typography
decide: captions start blocks, differ from the body in size or font, set the label apart, close it with a mark, and
go on with a capital; sentences go on with a verb, in the body's own type, in the middle of a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.labels import Label, parse_label, parse_unnumbered
from journalclip_sources.pdf.typography import Typography

_LOWER_START = re.compile(r"^[^\w]*[a-z]{2,}")
_VERB = re.compile(
    r"^\W*(?:shows?|showed|illustrates?|illustrated|depicts?|depicted|presents?|presented|demonstrates?|demonstrated|"
    r"displays?|displayed|summari[sz]es?|describes?|provides?|gives?|plots?|reports?|represents?|indicates?|reveals?|"
    r"outlines?|compares?|contains?|lists?|is|are|was|were|has|have|can|and|or|also|in|for|below|above|to|zeigt|muestra|montre)\b"
)
_CLOSED = re.compile(r"^\s*[);,\]]")  # "Figure 2), which": a bracket closes after the number
_PLURAL = re.compile(r"figures|figs|abbildungen|figuras", re.IGNORECASE)
THRESHOLD = 1.0


@dataclass(slots=True, eq=False)
class Candidate:
    """A line with a label at its start; ``score`` is how much speaks for a caption (above `THRESHOLD`: it is one)."""

    page: Page
    line: Line
    label: Label
    score: float
    own: bool = False  # its suffix names it: "Fig. 2A." has a caption of its own, and so has "Fig. 2B."

    @property
    def key(self) -> str:
        """What the figure is called in its article: series, number and, where it is its own, suffix."""
        return self.label.key + (self.label.suffix.lower() if self.own else "")

    @property
    def is_alone(self) -> bool:
        """Nothing but the label stands on the line."""
        return not self.line.text[self.label.end :].strip(" .:|")


def find_candidates(pages: Sequence[Page], habits: Typography) -> list[Candidate]:
    """All label lines of the document that may be captions, of figures, tables and others.

    A label without a number ("Figure.") counts only in an article that numbers none of its figures.
    """
    found = list(_labelled(pages, habits, parse_label))
    if not any(c.label.kind == "figure" and c.score >= THRESHOLD for c in found):
        found += _labelled(pages, habits, parse_unnumbered)
    _favour_majority(found)
    return found


def _labelled(pages: Sequence[Page], habits: Typography, parse: Callable[[str], Label | None]) -> Iterator[Candidate]:
    for page in pages:
        before: Line | None = None
        for line in page.lines:
            label = parse(line.text)
            if label is not None and not habits.is_furniture(line):
                score = _score(line, label, before, habits)
                if score > 0:
                    yield Candidate(page, line, label, score)
            before = line


def _score(line: Line, label: Label, before: Line | None, habits: Typography) -> float:
    rest = line.text[label.end :]
    if label.opened or _CLOSED.match(rest):
        return 0.0
    if _PLURAL.search(label.word) and not (label.members and label.separator):
        return 0.0  # a sentence about several figures
    score = 0.0
    starts_block = before is None or before.block != line.block or before.box.x1 < line.box.x0
    if starts_block or _gap_above(line, before) > 0.9 * line.size:
        score += 1.0
    elif before is not None and abs(before.size - line.size) < 0.3 and before.font == line.font:
        score -= 1.0
    if label.separator and label.separator not in "-–—":
        score += 1.0
    set_apart = line.lead_chars < len(line.text) - 3 and line.lead_chars >= len(label.printed) - 3
    if set_apart or not rest:
        score += 0.7
    if not habits.is_body_style(line):
        score += 0.7
    if line.lead_bold:
        score += 0.5
    if not label.separator:
        score += _sentence_evidence(rest, set_apart)
    elif label.separator in ".,-–—" and _LOWER_START.match(rest) and not set_apart and habits.is_body_style(line):
        score -= 1.0
    return score


def _sentence_evidence(rest: str, set_apart: bool) -> float:
    if _VERB.match(rest):
        return -0.5 if set_apart else -3.0
    if _LOWER_START.match(rest):
        return 0.0 if set_apart else -1.5
    return 0.3


def _gap_above(line: Line, before: Line | None) -> float:
    return 0.0 if before is None else line.box.y0 - before.box.y1


def _style(candidate: Candidate) -> tuple[str, float, bool, str]:
    line = candidate.line
    return candidate.label.word.lower(), round(line.size * 2) / 2, line.lead_bold, candidate.label.separator[:1]


def _favour_majority(found: list[Candidate]) -> None:
    """A document sets all its captions alike: what looks like its clearest captions gains."""
    clear = [_style(c) for c in found if c.label.kind == "figure" and c.score >= 2.0]
    for candidate in found:
        alike = sum(style == _style(candidate) for style in clear)
        if alike >= 2:
            candidate.score += 0.7
