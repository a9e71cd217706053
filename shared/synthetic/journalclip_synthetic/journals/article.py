"""One synthetic article: its content is drawn first, then set on pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from reportlab.pdfgen.canvas import Canvas

from journalclip_synthetic.journals.cases import draw_picture
from journalclip_synthetic.journals.charts import draw_chart
from journalclip_synthetic.journals.compound import Compound, draw_compound, draw_look
from journalclip_synthetic.journals.facts import draw_facts
from journalclip_synthetic.journals.floats import FigureBlock, TableBlock
from journalclip_synthetic.journals.page import Flow
from journalclip_synthetic.journals.prose import (
    LICENCE_SHARES,
    LICENCES,
    SECTIONS,
    draw_authors,
    draw_mention,
    draw_paragraph,
    draw_reference,
    draw_table,
    draw_title,
)
from journalclip_synthetic.journals.style import Style, draw_style
from journalclip_synthetic.journals.truth import ArticleTruth
from journalclip_synthetic.journals.typeset import Run, break_lines, draw_line, set_up
from journalclip_synthetic.journals.wording import describe

JOURNALS = 6
COMPOUND_SHARE, CHART_SHARE = 0.5, 0.08


@dataclass
class _Head:
    """What the first page says of the article."""

    title: str
    authors: list[str]
    doi: str
    year: str
    licence: str
    statement: str


def write_article(path: Path, index: int, seed: int) -> ArticleTruth:
    """Write one PDF; the same ``seed`` and ``index`` give the same bytes."""
    set_up()
    rng = np.random.default_rng([seed, index])
    style = draw_style(index % JOURNALS, np.random.default_rng([seed, 1_000_003, index % JOURNALS]))
    head = _draw_head(rng, index)
    figures = [_figure(n + 1, style, rng) for n in range(int(rng.integers(6, 11)))]
    canvas = Canvas(str(path), pagesize=style.page, invariant=1, pageCompression=1)
    canvas.setTitle(head.title)
    canvas.setAuthor(", ".join(head.authors))
    running = {"title": head.title[:60], "section": "Figure legends", "none": ""}[style.heads]
    flow = Flow(canvas, style, running, f"{style.short} {head.year} · https://doi.org/{head.doi}")
    mentions = _set(flow, head, figures, rng)
    pages = flow.finish()
    canvas.save()
    done = tuple(f.truth for f in figures)
    return ArticleTruth(path.name, style.journal, head.title, head.doi, head.year, head.licence, pages, done, mentions)


def _draw_head(rng: np.random.Generator, index: int) -> _Head:
    year = str(int(rng.integers(2012, 2027)))
    licence, statement = LICENCES[int(rng.choice(len(LICENCES), p=LICENCE_SHARES))]
    doi = f"10.5555/synth.{year}.{index:05d}"  # 10.5555 is the prefix kept for examples
    return _Head(draw_title(rng), draw_authors(rng), doi, year, licence, statement)


def _figure(number: int, style: Style, rng: np.random.Generator) -> FigureBlock:
    jpeg = bool(rng.random() < 0.7)
    kind = rng.random()
    if kind < CHART_SHARE:
        width = 230.0 if style.columns == 2 else 330.0
        sketch = draw_chart(rng, width, width * float(rng.uniform(0.55, 0.8)))
        return FigureBlock(number, style, style.voice.spell(sketch.caption) + ".", sketch)
    if kind < CHART_SHARE + COMPOUND_SHARE:
        look = draw_look(rng)
        look = replace(look, lower=style.voice.lower if rng.random() < 0.9 else look.lower)
        spans = bool(rng.random() < 0.45)
        compound = draw_compound(rng, look, 500 if spans else 340, style.voice)
        scattered = look.letters != "pixels" and look.inside and bool(rng.random() < 0.5)
        return FigureBlock(number, style, compound.caption, compound, None, spans, jpeg, scattered)
    facts = draw_facts(rng)
    height = int(rng.integers(190, 250))
    image = draw_picture(facts, rng, height, int(height * rng.uniform(0.9, 1.3)))
    spans = style.caption == "beside" and bool(rng.random() < 0.7)
    return FigureBlock(number, style, describe(facts, rng, style.voice), image, facts, spans, jpeg)


def _set(flow: Flow, head: _Head, figures: list[FigureBlock], rng: np.random.Generator) -> dict[str, list[str]]:
    """The whole article onto pages; returns the paragraphs that mention each figure."""
    flow.new_page()
    _front(flow, head, rng)
    style = flow.style
    mentions: dict[str, list[str]] = {}
    sections = np.array_split(np.arange(len(figures)), len(SECTIONS) - 2)
    flow.text((Run(SECTIONS[0], style.body[1]),), style.size + 1.5)
    flow.text((Run(draw_paragraph(rng), style.body[0]),), style.size)
    for name, part in zip(SECTIONS[1:-1], sections, strict=True):
        flow.text((Run(name, style.body[1]),), style.size + 1.5)
        for i in part:
            _mentioned(flow, figures, int(i), mentions, rng)
        flow.text((Run(draw_paragraph(rng), style.body[0]),), style.size)
        if name == "Results":
            caption, rows = draw_table(rng, 1)
            flow.add(TableBlock(style, caption, rows))
    flow.text((Run(SECTIONS[-1], style.body[1]),), style.size + 1.5)
    flow.text((Run(draw_paragraph(rng), style.body[0]),), style.size)
    flow.text((Run("References", style.body[1]),), style.size + 1.5)
    for n in range(int(rng.integers(8, 20))):
        flow.text((Run(draw_reference(rng, n + 1, style.short), style.body[0]),), style.size - 1.2, indent=True)
    return mentions


def _front(flow: Flow, head: _Head, rng: np.random.Generator) -> None:
    """Title, authors, licence and abstract across the page."""
    style, x = flow.style, flow.style.margin
    parts = [
        (Run(style.journal, style.body[0]), 9.0, 10.0),
        (Run(head.title, style.body[1]), 17.0, 8.0),
        (Run(", ".join(head.authors), style.body[0]), 10.0, 8.0),
        (Run(f"© {head.year} The Authors. {head.statement}", style.body[0]), 7.5, 8.0),
        (Run("Abstract. " + draw_paragraph(rng), style.body[0]), 9.0, 12.0),
    ]
    for run, size, after in parts:
        for line in break_lines((run,), size, flow.full_width, hyphens=size < 12):
            flow.top -= size * 1.2
            draw_line(flow.canvas, line, x, flow.top, size, flow.full_width, justify=False)
        flow.top -= after
    flow.y = flow.top


def _mentioned(
    flow: Flow, figures: list[FigureBlock], index: int, mentions: dict[str, list[str]], rng: np.random.Generator
) -> None:
    """A paragraph that refers to a figure, then the figure."""
    figure = figures[index]
    art = figure.art
    panels = len(art.pieces) if isinstance(art, Compound) and art.letters != "none" else 0
    sentence, numbers = draw_mention(rng, index + 1, panels, len(figures))
    paragraph = draw_paragraph(rng, sentence)
    for number in numbers:
        mentions.setdefault(str(number), []).append(paragraph)
    flow.text((Run(paragraph, flow.style.body[0]),), flow.style.size)
    flow.add(figure)
    flow.text((Run(draw_paragraph(rng), flow.style.body[0]),), flow.style.size)
