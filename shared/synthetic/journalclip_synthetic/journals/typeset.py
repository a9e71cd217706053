"""Setting type: words into lines, with hyphens at line ends, ligatures and mixed fonts, as typesetters do it.

What a reader of the page must recover is the text before setting: hyphenation and ligatures happen here and nowhere
else, and the truth keeps the plain words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEADING = 1.22
LIGATURES = (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("fi", "ﬁ"), ("fl", "ﬂ"))
SHORTEST_SPLIT = 8  # shorter words are not hyphenated


@dataclass(frozen=True)
class Run:
    """Words in one font."""

    text: str
    font: str


@dataclass(frozen=True)
class Line:
    """Words of a line with the font of each; the last line of a paragraph is not justified."""

    words: tuple[Run, ...]
    last: bool = False


@cache
def set_up() -> None:
    """Once a process: the TrueType faces that come with reportlab (they have the ligatures that the base fonts lack),
    and binary streams, since writing images as ASCII doubles the time of a whole journal."""
    rl_config.useA85 = 0
    for name, file in (("Vera", "Vera.ttf"), ("VeraBd", "VeraBd.ttf")):
        pdfmetrics.registerFont(TTFont(name, file))


@cache
def _width(text: str, font: str, size: float) -> float:
    return float(pdfmetrics.stringWidth(set_ligatures(text, font), font, size))


def set_ligatures(text: str, font: str) -> str:
    """``text`` with its ligatures where ``font`` has them."""
    if not font.startswith("Vera"):
        return text
    for plain, ligature in LIGATURES[2:]:  # Vera has fi and fl
        text = text.replace(plain, ligature)
    return text


def break_lines(runs: tuple[Run, ...], size: float, width: float, hyphens: bool = True) -> list[Line]:
    """Greedy lines no wider than ``width``, long words split with a hyphen where that saves a ragged line."""
    words = [Run(word, run.font) for run in runs for word in run.text.split()]
    lines: list[Line] = []
    line: list[Run] = []
    used = 0.0
    while words:
        word = words.pop(0)
        space = _width(" ", word.font, size) if line else 0.0
        need = space + _width(word.text, word.font, size)
        if used + need <= width:
            line.append(word)
            used += need
            continue
        head, tail = _split(word, size, width - used - space) if hyphens else ("", word.text)
        if head:
            line.append(Run(head, word.font))
        if not line:  # wider than the column: set it as it is
            line, tail = [word], ""
        lines.append(Line(tuple(line)))
        line, used = [], 0.0
        if tail:
            words.insert(0, Run(tail, word.font))
    return [*lines, Line(tuple(line), last=True)] if line else lines


def _split(word: Run, size: float, room: float) -> tuple[str, str]:
    """The longest hyphenated beginning that fits, at a border of vowel and consonant; empty if none does."""
    text = word.text
    if len(text) < SHORTEST_SPLIT or not text.isalpha():
        return "", text
    for i in range(len(text) - 3, 3, -1):
        border = re.match(r"[aeiou][bcdfgklmnprstv][aeiou]", text[i - 1 : i + 2]) is not None
        if border and _width(text[:i] + "-", word.font, size) <= room:
            return text[:i] + "-", text[i:]
    return "", text


def draw_line(canvas: Canvas, line: Line, x: float, baseline: float, size: float, width: float, justify: bool) -> None:
    """One line; justified by stretching its spaces where the font allows it."""
    natural = sum(_width(w.text, w.font, size) for w in line.words)
    spaces = len(line.words) - 1
    single = _width(" ", line.words[0].font, size)
    stretch = (width - natural) / spaces - single if spaces and justify and not line.last else 0.0
    text = canvas.beginText(x, baseline)
    text.setWordSpace(stretch)
    for font, words in groupby(line.words, key=lambda word: word.font):
        part = " ".join(word.text for word in words)
        text.setFont(font, size)
        text.textOut(set_ligatures(part, font) + " ")
    canvas.drawText(text)
