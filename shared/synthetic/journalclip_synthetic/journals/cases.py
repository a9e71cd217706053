"""One picture with its caption and the facts both were made from: the unit of the synthetic journals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from journalclip_synthetic.journals.angiography import draw_angiogram
from journalclip_synthetic.journals.facts import CaseFacts, draw_facts
from journalclip_synthetic.journals.head import draw_head
from journalclip_synthetic.journals.shapes import Drawing
from journalclip_synthetic.journals.spine import draw_spine
from journalclip_synthetic.journals.tissue import draw_tissue
from journalclip_synthetic.journals.wording import describe

# A scanner's matrix: larger pictures are enlarged from it, as in print, and drawing them costs no more.
MATRIX = 176


@dataclass(frozen=True)
class Case:
    """A picture, what a caption says of it, and what it shows."""

    image: Image.Image
    caption: str
    facts: CaseFacts


def draw_case(rng: np.random.Generator, size: int = 256) -> Case:
    """A random case; deterministic in ``rng``."""
    facts = draw_facts(rng)
    return Case(draw_picture(facts, rng, size, size), describe(facts, rng), facts)


def draw_picture(facts: CaseFacts, rng: np.random.Generator, height: int, width: int) -> Image.Image:
    """The picture of ``facts``: grey (mode L), or RGB for histology."""
    if facts.modality == "histology":
        return draw_tissue(facts, height, width, rng)
    shrink = min(1.0, MATRIX / max(height, width))
    drawing = _DRAW.get(facts.modality, draw_head)(facts, round(height * shrink), round(width * shrink), rng)
    image = Image.fromarray((drawing.pixels * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    if facts.arrow and drawing.target is not None:
        _arrow(image, np.array(drawing.target) / shrink, rng)
    return image


def _arrow(image: Image.Image, target: NDArray[np.float64], rng: np.random.Generator) -> None:
    """A white arrow with a dark edge, from nearer the image's centre towards ``target``."""
    w, h = image.size
    side = min(w, h)
    dx, dy = np.array([w / 2, h / 2]) - target
    angle = np.arctan2(dy, dx) + rng.uniform(-0.5, 0.5)
    along = np.array([np.cos(angle), np.sin(angle)]) * side
    across = np.array([-along[1], along[0]])
    tip = target + 0.08 * along
    shape = [tip, tip + 0.06 * along + 0.035 * across, tip + 0.06 * along - 0.035 * across]
    draw = ImageDraw.Draw(image)
    draw.line([*map(float, tip + 0.05 * along), *map(float, tip + 0.15 * along)], fill=250, width=max(2, side // 70))
    draw.polygon([(float(p[0]), float(p[1])) for p in shape], fill=250, outline=20)


_DRAW: dict[str, Callable[[CaseFacts, int, int, np.random.Generator], Drawing]] = {
    "angiography": draw_angiogram,
    "X-ray": draw_spine,
}
