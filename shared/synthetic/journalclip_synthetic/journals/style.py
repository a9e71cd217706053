"""How a synthetic journal looks: page, type, labels, captions and furniture, fixed for all articles of a journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from journalclip_synthetic.journals.facts import pick
from journalclip_synthetic.journals.subcaptions import STYLES, Voice

CaptionPlace = Literal["below", "above", "beside"]
A4 = (595.28, 841.89)
LETTER = (612.0, 792.0)


@dataclass(frozen=True)
class Style:
    """A journal's typography. Fonts are regular, bold; sizes in points."""

    journal: str
    short: str
    page: tuple[float, float]
    columns: int
    margin: float
    gutter: float
    body: tuple[str, str]
    size: float
    caption_font: tuple[str, str]
    caption_size: float
    label: str  # with {n}: as printed before the caption
    bold_label: bool
    caption: CaptionPlace
    rules: bool  # thin lines around each float
    heads: Literal["title", "section", "none"]
    voice: Voice
    dpi: int


LABELS = ("Figure {n}.", "FIG. {n}.", "Fig. {n}", "Fig. {n} |", "Figure {n}:", "Fig. {n}.", "FIGURE {n}.", "Figure {n}")
TIMES, HELVETICA, VERA = ("Times-Roman", "Times-Bold"), ("Helvetica", "Helvetica-Bold"), ("Vera", "VeraBd")
NAMES = (
    ("Annals of Synthetic Neurosurgery", "Ann Synth Neurosurg"),
    ("Journal of Imagined Neuroradiology", "J Imagin Neuroradiol"),
    ("Invented Archives of Brain Surgery", "Invent Arch Brain Surg"),
    ("Open Letters in Simulated Medicine", "Open Lett Simul Med"),
    ("Acta Fictiva Neurologica", "Acta Fict Neurol"),
    ("The Made-Up Journal of Spine and Vessels", "Made-Up J Spine Vessel"),
)


def draw_style(index: int, rng: np.random.Generator) -> Style:
    """The style of the journal number ``index``; six journals, told apart by their habits."""
    journal, short = NAMES[index % len(NAMES)]
    body = pick(rng, (TIMES, TIMES, HELVETICA, VERA))
    columns = 2 if rng.random() < 0.75 else 1
    size = float(rng.uniform(8.8, 9.8)) - (1.0 if body is VERA else 0.0)
    beside = columns == 1 or rng.random() < 0.3
    return Style(
        journal=journal,
        short=short,
        page=pick(rng, (A4, LETTER)),
        columns=columns,
        margin=float(rng.uniform(44, 60)),
        gutter=float(rng.uniform(14, 22)),
        body=body,
        size=size,
        caption_font=pick(rng, (body, HELVETICA, body)),
        caption_size=size - float(rng.uniform(0.6, 1.4)),
        label=pick(rng, LABELS),
        bold_label=bool(rng.random() < 0.75),
        caption=pick(rng, ("below", "below", "below", "above", "beside"))
        if beside
        else pick(rng, ("below", "below", "above")),
        rules=bool(rng.random() < 0.3),
        heads=pick(rng, ("title", "section", "none")),
        voice=Voice(bool(rng.random() < 0.5), pick(rng, STYLES), bool(rng.random() < 0.3)),
        dpi=int(pick(rng, (85, 100, 115))),
    )
