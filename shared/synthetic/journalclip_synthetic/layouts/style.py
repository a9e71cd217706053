"""How one article is printed; drawn anew for each, so that no two layouts agree by habit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from journalclip_synthetic.layouts.words import LANGUAGES, ROMAN, Language

Place = Literal["below", "above"]


@dataclass(frozen=True)
class Style:
    """Sizes in points; faces by PyMuPDF's names."""

    language: Language
    label: str
    roman: bool
    width: float
    height: float
    columns: int
    margin: float
    gutter: float
    body: str
    body_size: float
    caption: str
    label_face: str
    caption_size: float
    place: Place
    gap: float
    head: str

    @property
    def column(self) -> float:
        return (self.inner - self.gutter * (self.columns - 1)) / self.columns

    @property
    def inner(self) -> float:
        return self.width - 2 * self.margin

    def number(self, n: int) -> str:
        return ROMAN[n - 1] if self.roman else str(n)


_BOLD = {"tiro": "tibo", "helv": "hebo"}


def draw_style(rng: np.random.Generator) -> Style:
    language = LANGUAGES[int(rng.integers(len(LANGUAGES)))]
    label = language.labels[int(rng.integers(len(language.labels)))]
    width, height = ((595.0, 842.0), (612.0, 792.0), (482.0, 680.0))[int(rng.integers(3))]
    columns = int(rng.choice([1, 2, 2, 3])) if width > 500 else 1
    body, caption = str(rng.choice(["tiro", "helv"])), str(rng.choice(["tiro", "helv"]))
    size = float(rng.uniform(8.5, 10.5))
    smaller = float(rng.choice([0.0, 0.8, 1.2, 1.6]))
    # Where nothing else tells a caption from the text, its label does: no journal prints neither.
    apart = smaller > 0 or caption != body
    bold = bool(rng.random() < 0.6) or not apart or label[-1] not in ".:|-"
    return Style(
        language=language,
        label=label,
        roman=bool(rng.random() < 0.12),
        width=width,
        height=height,
        columns=columns,
        margin=float(rng.uniform(42, 64)),
        gutter=float(rng.uniform(14, 22)),
        body=body,
        body_size=size,
        caption=caption,
        label_face=_BOLD[caption] if bold else caption,
        caption_size=size - smaller,
        place="above" if rng.random() < 0.25 else "below",
        gap=float(rng.uniform(4, 14)),
        head=str(rng.choice(["Figure legends and tables", "Fig. 1 Society Journal", "J Invent Med 2021;7:11-19", ""])),
    )
