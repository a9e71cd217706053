"""A page being set: text in lines, pictures, drawings. Boxes are in points, origin top left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
import pymupdf

from journalclip_sources.pdf.geometry import Rect, union

LEADING = 1.2
ASCENT, DESCENT = 0.8, 0.2  # of the type size: what a line covers of its pitch


@dataclass(frozen=True)
class Run:
    """Words in one of PyMuPDF's own faces ("tiro", "hebo", ...)."""

    text: str
    font: str


def wrap(runs: Sequence[Run], size: float, width: float) -> list[list[Run]]:
    """Greedy lines of words, each with its face."""
    lines: list[list[Run]] = [[]]
    used = 0.0
    for word in (Run(word, run.font) for run in runs for word in run.text.split()):
        wide = length(word.text + " ", word.font, size)
        if lines[-1] and used + wide > width:
            lines.append([])
            used = 0.0
        lines[-1].append(word)
        used += wide
    return lines


def length(text: str, font: str, size: float) -> float:
    return float(pymupdf.get_text_length(text, fontname=font, fontsize=size))


@cache
def _face(name: str) -> pymupdf.Font:
    return pymupdf.Font(name)


class Sheet:
    """One page of a document of its own, which is then put on the article's page, turned if need be."""

    def __init__(self, width: float, height: float) -> None:
        self._document = pymupdf.open()
        self._page = self._document.new_page(width=width, height=height)
        self._writer = pymupdf.TextWriter(self._page.rect)

    def text(self, runs: Sequence[Run], x: float, top: float, size: float, width: float, most: int = 999) -> float:
        """Set at most ``most`` lines; returns the height they take."""
        lines = wrap(runs, size, width)[:most]
        for row, line in enumerate(lines):
            left = x
            for font, words in groupby(line, key=lambda word: word.font):
                piece = " ".join(word.text for word in words)
                self._writer.append((left, top + (row + ASCENT) * size * LEADING), piece, _face(font), size)
                left += length(piece + " ", font, size)
        return len(lines) * size * LEADING

    def words(self, text: str, x: float, baseline: float, size: float, rotate: int = 0) -> Rect:
        """A label of a drawing; returns the box that it covers."""
        wide = length(text, "helv", size)
        if rotate == 90:
            self._page.insert_text((x, baseline), text, fontsize=size, fontname="helv", rotate=90)
            return Rect(x - ASCENT * size, baseline - wide, x + DESCENT * size, baseline)
        self._writer.append((x, baseline), text, _face("helv"), size)
        return Rect(x, baseline - ASCENT * size, x + wide, baseline + DESCENT * size)

    def picture(self, box: Rect, data: bytes) -> Rect:
        self._page.insert_image(pymupdf.Rect(*box), stream=data, keep_proportion=False)
        return box

    def rule(self, box: Rect, width: float = 0.5) -> None:
        self._page.draw_rect(pymupdf.Rect(*box), color=(0.3, 0.3, 0.3), width=width)

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.5) -> None:
        self._page.draw_line((x0, y0), (x1, y1), color=(0, 0, 0), width=width)

    def chart(self, box: Rect, rng: np.random.Generator) -> Rect:
        """Axes, bars, tick labels and axis titles inside ``box``; returns what they cover."""
        plot = Rect(box.x0 + 34, box.y0 + 6, box.x1 - 4, box.y1 - 28)
        shape = self._page.new_shape()
        shape.draw_line((plot.x0, plot.y0), (plot.x0, plot.y1))
        shape.draw_line((plot.x0, plot.y1), (plot.x1, plot.y1))
        shape.finish(color=(0, 0, 0), width=0.8)
        bars = int(rng.integers(3, 9))
        step = plot.width / bars
        for bar in range(bars):
            tall = plot.height * float(rng.uniform(0.1, 1.0))
            left = plot.x0 + (bar + 0.2) * step
            shape.draw_rect(pymupdf.Rect(left, plot.y1 - tall, left + 0.6 * step, plot.y1))
        shape.finish(color=(0, 0, 0), fill=(0.4, 0.5, 0.8), width=0.4)
        shape.commit()
        weeks = [self.words(str(bar + 1), plot.x0 + (bar + 0.4) * step, plot.y1 + 10, 7) for bar in range(bars)]
        ticks = [self.words(str(25 * tick), plot.x0 - 16, plot.y1 - tick * plot.height / 4, 7) for tick in range(4)]
        titles = [
            self.words("Weeks", plot.cx - 12, plot.y1 + 22, 8),
            self.words("Patients (%)", plot.x0 - 22, plot.cy + 20, 8, rotate=90),
        ]
        return union((plot, *weeks, *ticks, *titles))

    def put(self, page: pymupdf.Page, turn: int) -> None:
        """Onto a page of the article, turned clockwise by ``turn`` degrees."""
        self._writer.write_text(self._page)
        page.show_pdf_page(page.rect, self._document, 0, rotate=-turn)
