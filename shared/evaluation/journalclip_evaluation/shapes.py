"""Six shapes drawn with noise: the data of the suite that needs none."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from PIL import Image

Shape = Literal["disc", "ring", "square", "cross", "stripes", "triangle"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
_SIDE = 64


def draw_shape(shape: Shape, seed: int) -> Image.Image:
    """64 x 64, bright on dark; place, size, brightness and noise come from the seed."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(12, 22)
    y, x = np.mgrid[:_SIDE, :_SIDE] - rng.uniform(26, 38, (2, 1, 1))
    radius, square = np.hypot(x, y), np.maximum(abs(x), abs(y))
    inside = {
        "disc": radius < size,
        "ring": abs(radius - size) < 4,
        "square": square < size,
        "cross": (square < size) & (np.minimum(abs(x), abs(y)) < 4),
        "stripes": (square < size) & (np.floor(x / 5) % 2 == 0),
        "triangle": (abs(x) < (y + size) / 2) & (abs(y) < size),
    }[shape]
    grey = 40 + rng.uniform(90, 170) * inside + rng.normal(0, 12, (_SIDE, _SIDE))
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")
