"""Histology: stained nuclei on a ground, in the patterns that name a tumour.

The stain decides the colours, the magnification the size of a nucleus, the pattern where nuclei lie and how they point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.shapes import noise

Colour = tuple[int, int, int]
# Ground, nucleus, second nucleus (positive cells of an antibody stain).
STAINS: dict[str, tuple[Colour, Colour, Colour]] = {
    "H&E": ((236, 190, 214), (96, 56, 138), (122, 66, 150)),
    "Ki-67": ((226, 230, 240), (112, 132, 186), (120, 68, 34)),
    "GFAP": ((206, 166, 120), (92, 104, 160), (128, 76, 36)),
}
FIELD = 26.0  # nuclei across the image at 100-fold


def draw_tissue(facts: CaseFacts, height: int, width: int, rng: np.random.Generator) -> Image.Image:
    """An RGB picture of ``facts.lesion``'s pattern."""
    ground, nucleus, positive = STAINS[facts.site or "H&E"]
    tint = 12 * noise((height, width), 8, rng)[..., None] + np.asarray(ground, np.float32)
    image = Image.fromarray(np.clip(tint, 0, 255).astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(image)
    across = FIELD if facts.magnification == 100 else FIELD / 2.4
    step = min(height, width) / across
    points, angles = _placed(facts.lesion, height, width, step, rng)
    share = {"H&E": 0.3, "Ki-67": 0.28, "GFAP": 0.12}[facts.site or "H&E"]
    for (x, y), angle in zip(points, angles, strict=True):
        colour = positive if rng.random() < share else nucleus
        _nucleus(draw, (float(x), float(y)), float(angle), step, colour, 3.2 if facts.lesion == "fibres" else 1.5)
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _nucleus(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], angle: float, step: float, colour: Colour, long: float
) -> None:
    t = np.linspace(0, 2 * np.pi, 9)[:-1]
    a, b = 0.2 * step * long, 0.24 * step
    x = at[0] + a * np.cos(t) * np.cos(angle) - b * np.sin(t) * np.sin(angle)
    y = at[1] + a * np.cos(t) * np.sin(angle) + b * np.sin(t) * np.cos(angle)
    draw.polygon([(float(p), float(q)) for p, q in zip(x, y, strict=True)], fill=colour)


def _placed(
    pattern: str, height: int, width: int, step: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 2) as x, y, and the angle of each nucleus."""
    xs, ys = np.meshgrid(np.arange(0, width + step, step), np.arange(0, height + step, step))
    points = np.stack([xs.ravel(), ys.ravel()], 1) + rng.normal(0, 0.3 * step, (xs.size, 2))
    random = rng.uniform(0, np.pi, len(points))
    if pattern == "sheets":
        return points, random
    if pattern == "fibres":
        return points, np.full(len(points), rng.uniform(0, np.pi)) + rng.normal(0, 0.15, len(points))
    centres = rng.uniform((0, 0), (width, height), (max(3, round(width * height / (9 * step) ** 2)), 2))
    offset = points[:, None] - centres[None]
    near = np.argmin(np.hypot(offset[..., 0], offset[..., 1]), axis=1)
    d = offset[np.arange(len(points)), near]
    r = np.hypot(d[:, 0], d[:, 1]) / step
    tangent = np.arctan2(d[:, 1], d[:, 0]) + np.pi / 2
    if pattern == "whorls":
        return points - 0.25 * step * np.sin(2.2 * r)[:, None] * d / (r[:, None] * step + 1e-6), tangent
    keep = r > (3.0 if pattern == "necrosis" else 1.6)
    if pattern == "rosettes":
        keep &= (r < 3.2) | (rng.random(len(r)) < 0.35)
        return points[keep], tangent[keep]
    return points[keep], tangent[keep] + np.pi / 2
