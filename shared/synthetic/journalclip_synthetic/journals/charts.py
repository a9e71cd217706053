"""Charts and diagrams as display lists, so that the same drawing can be vectors on a page or pixels in an image.

A `Sketch` is a list of strokes in a box of ``width`` x ``height`` points, origin top left. `paint_pixels` and
`paint_vectors` draw the same sketch with Pillow and on a PDF canvas.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from journalclip_synthetic.journals.facts import pick

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)
PALETTES: tuple[tuple[Colour, ...], ...] = (
    ((31, 90, 150), (200, 90, 40), (60, 140, 70), (120, 80, 150)),
    ((40, 40, 40), (120, 120, 120), (180, 180, 180), (80, 80, 80)),
    ((180, 40, 50), (40, 110, 160), (230, 170, 40), (90, 150, 90)),
)


@dataclass(frozen=True)
class Stroke:
    """A poly-line, or a filled box when ``fill`` is set and two points are given."""

    points: tuple[tuple[float, float], ...]
    colour: Colour = BLACK
    width: float = 0.8
    fill: bool = False


@dataclass(frozen=True)
class Word:
    """Text with its baseline's left end (or middle) at x, y; turned a quarter to the left if ``upright`` is False."""

    x: float
    y: float
    text: str
    size: float = 7.0
    centred: bool = True
    upright: bool = True


@dataclass(frozen=True)
class Sketch:
    """A drawing and what it shows."""

    width: float
    height: float
    strokes: tuple[Stroke, ...]
    words: tuple[Word, ...]
    caption: str


def draw_chart(rng: np.random.Generator, width: float, height: float) -> Sketch:
    """A bar chart, survival curves, a scatter plot or a flow diagram."""
    return pick(rng, (_bars, _survival, _scatter, _flow))(rng, width, height)


def _axes(width: float, height: float, label: str, below: str) -> tuple[list[Stroke], list[Word]]:
    left, bottom = 30.0, height - 24.0
    strokes = [Stroke(((left, 6), (left, bottom), (width - 6, bottom)))]
    words = [Word(9, height / 2, label, upright=False), Word((left + width) / 2, height - 4, below)]
    for i in range(5):
        y = bottom - (bottom - 12) * i / 4
        strokes.append(Stroke(((left - 3, y), (left, y))))
        words.append(Word(left - 10, y + 2.4, str(25 * i), 6))
    return strokes, words


def _bars(rng: np.random.Generator, width: float, height: float) -> Sketch:
    groups, series = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    strokes, words = _axes(width, height, "Patients (%)", "Group")
    colours, bottom = pick(rng, PALETTES), height - 24.0
    slot = (width - 42) / groups
    for g in range(groups):
        for s in range(series):
            x = 34 + g * slot + s * slot * 0.8 / series
            top = bottom - (bottom - 12) * rng.uniform(0.15, 0.98)
            strokes.append(Stroke(((x, top), (x + slot * 0.72 / series, bottom)), colours[s], fill=True))
        words.append(Word(34 + (g + 0.4) * slot, bottom + 9, f"G{g + 1}", 6))
    kind = pick(rng, ("outcome", "complications", "tumour grade", "recurrence"))
    what = f"Bar chart of {kind} in {groups} groups" + (f" and {series} series of bars" if series > 1 else "")
    return Sketch(width, height, tuple(strokes), tuple(words), what)


def _survival(rng: np.random.Generator, width: float, height: float) -> Sketch:
    arms = int(rng.integers(2, 5))
    strokes, words = _axes(width, height, "Survival (%)", "Months")
    colours, bottom = pick(rng, PALETTES), height - 24.0
    for arm in range(arms):
        points, level = [(30.0, 12.0)], 1.0
        for x in np.linspace(30, width - 10, 24)[1:]:
            points.append((float(x), points[-1][1]))
            level *= 1 - rng.uniform(0, 0.03 + 0.05 * arm)
            points.append((float(x), bottom - (bottom - 12) * level))
        strokes.append(Stroke(tuple(points), colours[arm], 1.3))
    kind = pick(rng, ("overall", "progression-free", "event-free"))
    what = f"Kaplan-Meier curves of {kind} survival in {('two', 'three', 'four')[arms - 2]} arms"
    return Sketch(width, height, tuple(strokes), tuple(words), what)


def _scatter(rng: np.random.Generator, width: float, height: float) -> Sketch:
    slope = float(pick(rng, (-0.8, 0.8)))
    strokes, words = _axes(width, height, "Volume (%)", "Age (years)")
    colour, bottom = pick(rng, PALETTES)[0], height - 24.0
    for _ in range(int(rng.integers(30, 90))):
        t = float(rng.uniform(0, 1))
        v = float(np.clip(0.5 + slope * (t - 0.5) + rng.normal(0, 0.1), 0.02, 0.98))
        x, y = 34 + t * (width - 44), bottom - v * (bottom - 12)
        strokes.append(Stroke(((x - 1.3, y - 1.3), (x + 1.3, y + 1.3)), colour, fill=True))
    trend = "increase" if slope > 0 else "decrease"
    return Sketch(width, height, tuple(strokes), tuple(words), f"Scatter plot with {trend} of volume with age")


def _flow(rng: np.random.Generator, width: float, height: float) -> Sketch:
    steps = int(rng.integers(3, 6))
    tall = height / steps
    strokes: list[Stroke] = []
    words: list[Word] = []
    labels = ("Screened", "Eligible", "Randomised", "Treated", "Followed up")
    for i in range(steps):
        x0, x1, y0, y1 = width * 0.22, width * 0.78, i * tall + 3, i * tall + tall * 0.66
        strokes.append(Stroke(((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))))
        words.append(Word(width / 2, (y0 + y1) / 2 + 2.5, f"{labels[i]} (n = {int(rng.integers(20, 900))})"))
        if i + 1 < steps:
            strokes.append(Stroke(((width / 2, y1), (width / 2, (i + 1) * tall + 3))))
    return Sketch(width, height, tuple(strokes), tuple(words), f"Flow diagram of patient selection in {steps} steps")


def paint_pixels(sketch: Sketch, scale: float) -> Image.Image:
    """The sketch as RGB pixels, ``scale`` of them a point."""
    image = Image.new("RGB", (round(sketch.width * scale), round(sketch.height * scale)), "white")
    draw = ImageDraw.Draw(image)
    for stroke in sketch.strokes:
        points = [(x * scale, y * scale) for x, y in stroke.points]
        if stroke.fill:
            draw.rectangle([points[0], points[1]], fill=stroke.colour)
        else:
            draw.line(points, fill=stroke.colour, width=max(1, round(stroke.width * scale)))
    for word in sketch.words:
        _pixel_word(image, word, scale)
    return image


def _pixel_word(image: Image.Image, word: Word, scale: float) -> None:
    font = ImageFont.load_default(word.size * scale)
    draw = ImageDraw.Draw(image)
    if word.upright:
        draw.text(
            (word.x * scale, word.y * scale), word.text, fill=BLACK, font=font, anchor="ms" if word.centred else "ls"
        )
        return
    length = max(1, round(draw.textlength(word.text, font=font)) + 2)
    label = Image.new("RGB", (length, round(word.size * scale * 1.3)), "white")
    ImageDraw.Draw(label).text((1, 0), word.text, fill=BLACK, font=font)
    turned = label.rotate(90, expand=True)
    image.paste(turned, (round(word.x * scale) - turned.width, round(word.y * scale) - turned.height // 2))


def paint_vectors(sketch: Sketch, canvas: Canvas, x: float, top: float) -> None:
    """The sketch on a PDF page, its top left corner at (x, top) in the canvas's own (bottom-up) coordinates."""
    for stroke in sketch.strokes:
        red, green, blue = (c / 255 for c in stroke.colour)
        canvas.setStrokeColorRGB(red, green, blue)
        canvas.setFillColorRGB(red, green, blue)
        canvas.setLineWidth(stroke.width)
        points = [(x + px, top - py) for px, py in stroke.points]
        if stroke.fill:
            (x0, y0), (x1, y1) = points
            canvas.rect(x0, y1, x1 - x0, y0 - y1, stroke=0, fill=1)
        else:
            canvas.lines([(*a, *b) for a, b in pairwise(points)])
    canvas.setFillColorRGB(0, 0, 0)
    canvas.setStrokeColorRGB(0, 0, 0)
    for word in sketch.words:
        _vector_word(canvas, word, x, top)


def _vector_word(canvas: Canvas, word: Word, x: float, top: float) -> None:
    canvas.setFont("Helvetica", word.size)
    if word.upright:
        place = canvas.drawCentredString if word.centred else canvas.drawString
        place(x + word.x, top - word.y, word.text)
        return
    canvas.saveState()
    canvas.translate(x + word.x, top - word.y)
    canvas.rotate(90)
    canvas.drawCentredString(0, 0, word.text)
    canvas.restoreState()
