"""Compound figures: several pictures of one patient in a grid, with panel letters and a caption of subcaptions.

The cells, the letters and the subcaptions are known exactly. Cells are in pixels of the figure; a letter is either
burned into the pixels or left for the page to print over the image as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from journalclip_synthetic.journals.cases import draw_picture
from journalclip_synthetic.journals.charts import draw_chart, paint_pixels
from journalclip_synthetic.journals.facts import CaseFacts, another_view, draw_patient, pick
from journalclip_synthetic.journals.subcaptions import COLUMN, ROW, Voice, join_subcaptions
from journalclip_synthetic.journals.wording import describe

Cell = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels
LETTER_SIZE = 0.07  # of the shorter side of a cell; journals print 8 to 12 points on panels 5 to 8 cm wide


@dataclass(frozen=True)
class Letter:
    """A panel letter: its text as printed and its box in pixels."""

    text: str
    box: Cell
    light: bool  # white on a dark picture


@dataclass(frozen=True)
class Piece:
    """One panel."""

    cell: Cell
    image: Image.Image
    letter: str | None  # normalised: "A"
    mark: Letter | None
    subcaption: str
    facts: CaseFacts | None


@dataclass(frozen=True)
class Compound:
    """A compound figure. ``image`` carries the letters unless ``letters`` is "text" (then the page prints them)."""

    image: Image.Image
    pieces: tuple[Piece, ...]
    caption: str
    letters: Literal["pixels", "text", "none"]
    ground: int


@dataclass(frozen=True)
class Look:
    """How a figure is put together."""

    gap: int
    ground: int  # 255 white, 0 black
    letters: Literal["pixels", "text", "none"]
    inside: bool
    lower: bool = False
    brackets: bool = False
    badge: bool = False  # the letter stands on a small box of its own
    charts: bool = False


def draw_look(rng: np.random.Generator) -> Look:
    """A random look, in the proportions that journals show."""
    letters = rng.choice(["pixels", "text", "none"], p=[0.6, 0.3, 0.1])
    return Look(
        gap=int(pick(rng, (0, 2, 4, 6, 10, 16))),
        ground=255 if rng.random() < 0.8 else 0,
        letters="pixels" if letters == "pixels" else "text" if letters == "text" else "none",
        inside=bool(rng.random() < 0.75),
        lower=bool(rng.random() < 0.3),
        brackets=bool(rng.random() < 0.15),
        badge=bool(rng.random() < 0.25),
        charts=bool(rng.random() < 0.1),
    )


def draw_cells(rng: np.random.Generator, width: int, gap: int) -> list[Cell]:
    """Cells in reading order: a row, a column, a grid, rows of unequal number, or one large beside a stack."""
    kind = rng.choice(["row", "column", "grid", "rows", "beside"], p=[0.35, 0.1, 0.3, 0.15, 0.1])
    if kind == "beside":
        return _beside(rng, width, gap)
    if kind == "row":
        counts = [int(rng.integers(2, 5))]
    elif kind == "column":
        counts = [1] * int(rng.integers(2, 4))
    elif kind == "grid":
        counts = [int(rng.integers(2, 4))] * int(rng.integers(2, 4))
    else:
        counts = [int(n) for n in rng.permutation([2, 3])]
    aspect = float(rng.uniform(0.8, 1.25))
    if kind == "column":
        width, aspect = width // 2, 1 / aspect
    return _rows(counts, width, gap, aspect, ragged=bool(rng.random() < 0.3), rng=rng)


def _rows(counts: list[int], width: int, gap: int, aspect: float, ragged: bool, rng: np.random.Generator) -> list[Cell]:
    cells: list[Cell] = []
    top = 0
    for count in counts:
        shares = rng.uniform(0.75, 1.25, count) if ragged and count > 1 else np.ones(count)
        widths = (width - gap * (count - 1)) * shares / shares.sum()
        height = round(float(widths.mean()) * aspect * (0.75 if count == 1 and len(counts) > 1 else 1.0))
        left = 0.0
        for w in widths:
            cells.append((round(left), top, round(left + w), top + height))
            left += w + gap
        top += height + gap
    return cells


def _beside(rng: np.random.Generator, width: int, gap: int) -> list[Cell]:
    split = round(width * rng.uniform(0.55, 0.66))
    height = round(split * rng.uniform(0.85, 1.1))
    stack = int(rng.integers(2, 4))
    each = (height - gap * (stack - 1)) / stack
    side = [(split + gap, round(i * (each + gap)), width, round(i * (each + gap) + each)) for i in range(stack)]
    return [(0, 0, split, height), *side]


def draw_compound(
    rng: np.random.Generator, look: Look | None = None, width: int = 560, voice: Voice | None = None
) -> Compound:
    """A random compound figure about one patient; deterministic in ``rng``."""
    look, voice = look or draw_look(rng), voice or Voice(style="brackets")
    cells = draw_cells(rng, width, look.gap)
    strip = 0 if look.inside or look.letters == "none" else 22
    cells = [_lowered(cell, cells, strip) for cell in cells] if strip else cells
    patient = draw_patient(rng)
    pieces = [_piece(i, cell, look, strip) for i, cell in enumerate(cells)]
    pieces = _filled(pieces, patient, look, voice, rng)
    image = _compose(pieces, look)
    names = _names(cells, look, voice)
    joined = join_subcaptions([p.subcaption for p in pieces], pieces[0].facts, names, voice, rng)
    return Compound(image, tuple(pieces), joined.caption, look.letters, look.ground)


def _names(cells: list[Cell], look: Look, voice: Voice) -> list[str]:
    """What the caption calls the panels: letters, places, or nothing."""
    if look.letters != "none":
        return [chr((97 if voice.lower else 65) + i) for i in range(len(cells))]
    row, column = len({c[1] for c in cells}) == 1, len({c[0] for c in cells}) == 1
    return list((ROW if row else COLUMN if column else {}).get(len(cells), ()))


def _lowered(cell: Cell, cells: list[Cell], strip: int) -> Cell:
    """Room for letters above each row: a cell moves down by one strip for each row edge at or above its top."""
    tops = sorted({c[1] for c in cells})
    ends = sum(1 for top in tops if top < cell[3])
    return (cell[0], cell[1] + strip * (tops.index(cell[1]) + 1), cell[2], cell[3] + strip * ends)


def _filled(pieces: list[Piece], patient: CaseFacts, look: Look, voice: Voice, rng: np.random.Generator) -> list[Piece]:
    """Pictures and subcaptions; now and then the first panels show the same thing and share their words."""
    same = int(rng.integers(2, len(pieces) + 1)) if len(pieces) > 2 and rng.random() < 0.15 else 1
    done: list[Piece] = []
    facts = another_view(patient, rng)
    for i, piece in enumerate(pieces):
        width, height = piece.cell[2] - piece.cell[0], piece.cell[3] - piece.cell[1]
        if look.charts and min(width, height) > 120:
            sketch = draw_chart(rng, width / 1.6, height / 1.6)
            image = paint_pixels(sketch, 1.6).resize((width, height))
            done.append(replace(piece, image=image, subcaption=voice.spell(sketch.caption)))
            continue
        if i >= same:
            facts = another_view(patient, rng)
        words = done[0].subcaption if 0 < i < same else describe(facts, rng, voice, brief=True)
        image = draw_picture(facts, rng, height, width)
        done.append(replace(piece, image=image, subcaption=words, facts=facts))
    return done


def _piece(index: int, cell: Cell, look: Look, strip: int) -> Piece:
    letter = chr(ord("A") + index) if look.letters != "none" else None
    blank = Image.new("L", (1, 1))
    return Piece(cell, blank, letter, None if letter is None else _mark(letter, cell, look, strip), "", None)


def _mark(letter: str, cell: Cell, look: Look, strip: int) -> Letter:
    text = letter.lower() if look.lower else letter
    text = f"({text})" if look.brackets else text
    size = max(14, round(min(cell[2] - cell[0], cell[3] - cell[1]) * LETTER_SIZE)) if not strip else 18
    box = ImageFont.load_default(size).getbbox(text)
    w, h = round(box[2] - box[0]), round(box[3] - box[1])
    x, y = (cell[0] + 6, cell[1] + 6) if not strip else (cell[0], cell[1] - strip + 3)
    return Letter(text, (x, y, x + w, y + h), look.ground == 0)


def _compose(pieces: list[Piece], look: Look) -> Image.Image:
    width, height = max(p.cell[2] for p in pieces), max(p.cell[3] for p in pieces)
    colour = any(p.image.mode == "RGB" for p in pieces)
    ground = (look.ground,) * 3 if colour else look.ground
    image = Image.new("RGB" if colour else "L", (width, height), ground)
    draw = ImageDraw.Draw(image)
    for i, piece in enumerate(pieces):
        image.paste(piece.image, piece.cell[:2])
        if piece.mark is not None and look.inside:
            light = not look.badge and _is_dark(image, piece.mark.box)
            piece = replace(piece, mark=replace(piece.mark, light=light))
            pieces[i] = piece
        if piece.mark is not None and look.letters == "pixels":
            _burn(draw, piece.mark, look.badge and look.inside)
    return image


def _is_dark(image: Image.Image, box: Cell) -> bool:
    return float(np.asarray(image.crop(box).convert("L")).mean()) < 128


def _burn(draw: ImageDraw.ImageDraw, mark: Letter, badge: bool) -> None:
    x0, y0, x1, y1 = mark.box
    ink, paper = ("white", "black") if mark.light else ("black", "white")
    if badge:
        draw.rectangle((x0 - 4, y0 - 4, x1 + 4, y1 + 4), fill=paper)
    for size in range(12, 200):  # the size whose glyphs are as tall as the box
        font = ImageFont.load_default(size)
        box = font.getbbox(mark.text)
        if box[3] - box[1] >= y1 - y0:
            break
    draw.text((x0 - box[0], y0 - box[1]), mark.text, fill=ink, font=font)
