"""One article: pages of body text with figures in many arrangements, and what is true of each figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pymupdf

from journalclip_sources.pdf.content import Turn
from journalclip_sources.pdf.geometry import Rect
from journalclip_sources.pdf.upright import turned
from journalclip_synthetic.layouts import art
from journalclip_synthetic.layouts.sheet import LEADING, Run, Sheet, wrap
from journalclip_synthetic.layouts.style import Style, draw_style
from journalclip_synthetic.layouts.words import prose, sentence

Arrangement = Literal["column", "span", "beside", "sideways", "facing", "overleaf", "framed", "continued", "pair"]
ARRANGEMENTS: tuple[Arrangement, ...] = (
    "column", "column", "span", "span", "beside", "sideways", "facing", "overleaf", "framed", "continued", "pair",
)  # fmt: skip


@dataclass
class Truth:
    """One figure of gold.json; ``arrangement`` is for the report of what fails."""

    number: str
    label: str
    caption: str
    page: int
    bbox: tuple[float, float, float, float]
    bbox_page: int
    bbox_kind: Literal["single", "complex"]
    arrangement: str
    scored: bool = True


@dataclass
class _Setter:
    """The article being set."""

    style: Style
    rng: np.random.Generator
    document: pymupdf.Document = field(default_factory=pymupdf.open)
    truths: list[Truth] = field(default_factory=list)
    count: int = 0

    @property
    def pages(self) -> int:
        return int(self.document.page_count)

    def sheet(self, turn: int = 0) -> Sheet:
        style = self.style
        return Sheet(style.height, style.width) if turn else Sheet(style.width, style.height)

    def finish(self, sheet: Sheet, turn: int = 0, head: bool = True) -> None:
        style = self.style
        page = self.document.new_page(width=style.width, height=style.height)
        sheet.put(page, turn)
        if head:
            page.insert_text((style.margin, 28), style.head, fontsize=7.5, fontname=style.body)
        page.insert_text((style.width / 2, style.height - 20), str(self.pages), fontsize=7.5, fontname=style.body)

    def caption(self) -> tuple[list[Run], str, str, str]:
        """Runs, label as printed, the words after it, and the number."""
        style = self.style
        self.count += 1
        label = style.label.format(n=style.number(self.count))
        text = prose(style.language, self.rng, int(self.rng.integers(1, 5)))
        return [Run(label, style.label_face), Run(text, style.caption)], label, text, str(self.count)

    def body(self, sheet: Sheet, area: Rect) -> None:
        """Fill an area with running text, now and then with a sentence that begins with a label."""
        style, rng = self.style, self.rng
        y = area.y0
        while area.y1 - y > 3 * style.body_size:
            text = prose(style.language, rng, int(rng.integers(3, 8)))
            if self.count and rng.random() < 0.3:
                text = f"{style.language.mention.format(n=self.count)} {text}"
            rows = int((area.y1 - y) / (style.body_size * LEADING))
            y += sheet.text([Run(text, style.body)], area.x0, y, style.body_size, area.width, rows)
            y += float(rng.choice([0.0, 4.0]))

    def columns(self, sheet: Sheet, top: float, bottom: float, but: int = -1) -> None:
        for column in range(self.style.columns):
            if column != but:
                self.body(sheet, self.area(column, top, bottom))

    def area(self, column: int, top: float, bottom: float) -> Rect:
        style = self.style
        x = style.margin + column * (style.column + style.gutter)
        return Rect(x, top, x + style.column, bottom)

    @property
    def top(self) -> float:
        return self.style.margin + 6

    @property
    def bottom(self) -> float:
        return self.style.height - self.style.margin


def _high(setter: _Setter, runs: list[Run], width: float) -> float:
    return len(wrap(runs, setter.style.caption_size, width)) * setter.style.caption_size * LEADING


def _block(setter: _Setter, sheet: Sheet, area: Rect, arrangement: str, turn: int = 0) -> float:
    """Picture and caption at the head of ``area``; returns where they end."""
    style, rng = setter.style, setter.rng
    runs, label, text, number = setter.caption()
    kind = art.KINDS[int(rng.integers(len(art.KINDS)))]
    needed = _high(setter, runs, area.width)
    high = min(area.width * float(rng.uniform(0.45, 0.8)), area.height - needed - style.gap)
    inset = area.width * float(rng.choice([0.0, 0.0, 0.12]))
    first = area.y0 + (needed + style.gap if style.place == "above" else 0.0)
    covered = art.draw(sheet, kind, Rect(area.x0 + inset, first, area.x1 - inset, first + high), rng)
    start = area.y0 if style.place == "above" else first + high + style.gap
    sheet.text(runs, area.x0, start, style.caption_size, area.width)
    _know(setter, covered, kind, arrangement, (label, text, number), turn)
    return area.y0 + high + style.gap + needed


def _know(
    setter: _Setter, covered: Rect, kind: art.Kind, arrangement: str, said: tuple[str, str, str], turn: int = 0
) -> None:
    style = setter.style
    label, text, number = said
    page = setter.pages + 1
    quarter: dict[int, Turn] = {0: 0, 90: 90, 270: 270}
    shown = turned(covered, quarter[turn], Rect(0, 0, style.height, style.width)) if turn else covered
    box = (round(shown.x0, 1), round(shown.y0, 1), round(shown.x1, 1), round(shown.y1, 1))
    shape: Literal["single", "complex"] = "single" if kind == "raster" else "complex"
    setter.truths.append(Truth(number, label, text, page, box, page, shape, arrangement))


def _column(setter: _Setter) -> None:
    sheet, column = setter.sheet(), int(setter.rng.integers(setter.style.columns))
    setter.columns(sheet, setter.top, setter.bottom, but=column)
    area = setter.area(column, setter.top, setter.bottom)
    if setter.rng.random() < 0.5:
        split = area.y0 + 0.3 * area.height
        setter.body(sheet, area._replace(y1=split))
        area = area._replace(y0=split + 14)
    end = _block(setter, sheet, area._replace(y1=area.y0 + 0.6 * area.height), "column")
    setter.body(sheet, area._replace(y0=end + 14))
    setter.finish(sheet)


def _span(setter: _Setter) -> None:
    sheet, style = setter.sheet(), setter.style
    area = Rect(style.margin, setter.top, style.width - style.margin, setter.top + 0.55 * style.height)
    end = _block(setter, sheet, area, "span")
    setter.columns(sheet, end + 14, setter.bottom)
    setter.finish(sheet)


def _pair(setter: _Setter) -> None:
    """Two figures side by side, each over its own caption."""
    sheet, style = setter.sheet(), setter.style
    half = (style.inner - 20) / 2
    ends = []
    for x in (style.margin, style.margin + half + 20):
        area = Rect(x, setter.top, x + half, setter.top + 0.45 * style.height)
        ends.append(_block(setter, sheet, area, "pair"))
    setter.columns(sheet, max(ends) + 14, setter.bottom)
    setter.finish(sheet)


def _beside(setter: _Setter) -> None:
    sheet, style, rng = setter.sheet(), setter.style, setter.rng
    runs, *said = setter.caption()
    narrow = 0.3 * style.inner
    left = bool(rng.random() < 0.5)
    aside = narrow + 12
    high = max(0.32 * style.height, _high(setter, runs, narrow) + 6)
    picture = Rect(style.margin, setter.top, style.width - style.margin - aside, setter.top + high)
    if left:
        picture = picture._replace(x0=picture.x0 + aside, x1=picture.x1 + aside)
    kind = art.KINDS[int(rng.integers(len(art.KINDS)))]
    covered = art.draw(sheet, kind, picture, rng)
    x = style.margin if left else picture.x1 + 12
    sheet.text(runs, x, setter.top, style.caption_size, narrow)
    _know(setter, covered, kind, "beside", (said[0], said[1], said[2]))
    setter.columns(sheet, picture.y1 + 16, setter.bottom)
    setter.finish(sheet)


def _sideways(setter: _Setter) -> None:
    """Figure and caption along the page's long side; the running head stays upright."""
    turn = int(setter.rng.choice([90, 270]))
    sheet, style = setter.sheet(turn), setter.style
    area = Rect(style.margin, style.margin + 14, style.height - style.margin, style.width - style.margin)
    _block(setter, sheet, area, "sideways", turn)
    setter.finish(sheet, turn)


def _facing(setter: _Setter) -> None:
    """A picture that takes a whole page, and its caption on the next."""
    style, rng = setter.style, setter.rng
    sheet = setter.sheet()
    runs, *said = setter.caption()
    kind: art.Kind = "raster" if rng.random() < 0.6 else "grid"
    covered = art.draw(sheet, kind, Rect(style.margin, setter.top, style.width - style.margin, setter.bottom), rng)
    _know(setter, covered, kind, "facing", (said[0], said[1], said[2]))
    setter.finish(sheet)
    sheet = setter.sheet()
    end = setter.top + sheet.text(runs, style.margin, setter.top, style.caption_size, style.inner)
    setter.columns(sheet, end + 16, setter.bottom)
    setter.finish(sheet)


def _overleaf(setter: _Setter) -> None:
    """A caption that the page's end cuts."""
    style, rng = setter.style, setter.rng
    sheet = setter.sheet()
    runs, *said = setter.caption()
    long = " ".join([said[1], *(sentence(style.language, rng) for _ in range(6))])
    runs = [runs[0], Run(long, style.caption)]
    lines = len(wrap(runs, style.caption_size, style.inner))
    fitting = max(2, lines // 2)
    pitch = style.caption_size * LEADING
    last = setter.bottom - fitting * pitch
    kind = art.KINDS[int(rng.integers(len(art.KINDS)))]
    covered = art.draw(sheet, kind, Rect(style.margin, 0.45 * style.height, style.width - style.margin, last - 8), rng)
    sheet.text(runs, style.margin, last, style.caption_size, style.inner, fitting)
    setter.columns(sheet, setter.top, 0.45 * style.height - 14)
    _know(setter, covered, kind, "overleaf", (said[0], long, said[2]))
    setter.finish(sheet)
    sheet = setter.sheet()
    rest = [run for line in wrap(runs, style.caption_size, style.inner)[fitting:] for run in line]
    end = setter.top + sheet.text(rest, style.margin, setter.top, style.caption_size, style.inner)
    setter.columns(sheet, end + 16, setter.bottom)
    setter.finish(sheet)


def _framed(setter: _Setter) -> None:
    """Figure and caption in one drawn box."""
    sheet, style, rng = setter.sheet(), setter.style, setter.rng
    runs, *said = setter.caption()
    frame = Rect(style.margin, setter.top, style.width - style.margin, setter.top + 0.42 * style.height)
    needed = _high(setter, runs, frame.width - 12)
    kind: art.Kind = "raster" if rng.random() < 0.7 else "grid"
    inset = float(rng.uniform(6, 60))
    box = Rect(frame.x0 + inset, frame.y0 + 6, frame.x1 - inset, frame.y1 - needed - 12)
    covered = art.draw(sheet, kind, box, rng)
    sheet.text(runs, frame.x0 + 6, frame.y1 - needed - 3, style.caption_size, frame.width - 12)
    sheet.rule(frame)
    _know(setter, covered, kind, "framed", (said[0], said[1], said[2]))
    setter.columns(sheet, frame.y1 + 16, setter.bottom)
    setter.finish(sheet)


def _continued(setter: _Setter) -> None:
    """A figure over two pages, with its label on both."""
    style, rng = setter.style, setter.rng
    _span(setter)
    truth = setter.truths[-1]
    truth.arrangement = "continued"
    sheet = setter.sheet()
    box = Rect(style.margin, setter.top, style.width - style.margin, setter.top + 0.35 * style.height)
    art.draw(sheet, "grid", box, rng)
    label = style.label.format(n=style.number(setter.count)).rstrip(".:|- ")
    end = box.y1 + style.gap
    runs = [Run(f"{label} {style.language.continued}.", style.label_face)]
    end += sheet.text(runs, style.margin, end, style.caption_size, style.inner)
    setter.columns(sheet, end + 14, setter.bottom)
    setter.finish(sheet)


_ARRANGE: dict[Arrangement, Callable[[_Setter], None]] = {
    "column": _column, "span": _span, "pair": _pair, "beside": _beside, "sideways": _sideways, "facing": _facing,
    "overleaf": _overleaf, "framed": _framed, "continued": _continued,
}  # fmt: skip


def write_article(seed: int, index: int) -> tuple[bytes, list[Truth]]:
    """One PDF and its figures; the same seed and index give the same layout."""
    rng = np.random.default_rng([seed, index])
    setter = _Setter(draw_style(rng), rng)
    sheet = setter.sheet()
    setter.columns(sheet, setter.top, setter.bottom)
    setter.finish(sheet, head=False)
    for _ in range(int(rng.integers(4, 8))):
        _ARRANGE[ARRANGEMENTS[int(rng.integers(len(ARRANGEMENTS)))]](setter)
    for _ in range(2):
        sheet = setter.sheet()
        setter.columns(sheet, setter.top, setter.bottom)
        setter.finish(sheet)
    data: bytes = setter.document.tobytes(deflate=True, garbage=3, no_new_id=True)
    return data, setter.truths


def write_layouts(folder: Path, articles: int, seed: int) -> list[Truth]:
    """``articles`` PDFs and their gold.json, in the form that ``journalclip bench extraction`` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    gold = {}
    every: list[Truth] = []
    for index in range(articles):
        data, truths = write_article(seed, index)
        name = f"layout-{seed}-{index:04d}.pdf"
        (folder / name).write_bytes(data)
        gold[name] = {"journal": f"layout {index}", "figures": [vars(truth) for truth in truths]}
        every += truths
    (folder / "gold.json").write_text(json.dumps(gold, indent=1, ensure_ascii=False), encoding="utf-8")
    return every
