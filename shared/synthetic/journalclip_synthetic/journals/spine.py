"""Lateral radiographs of the spine: bright vertebral bodies in a curved column on a grey ground.

The level that the caption names stands in the middle of the image; cervical bodies are small and lean on a jaw and a
skull base, lumbar ones are large.
"""

from __future__ import annotations

import numpy as np

from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.shapes import (
    Drawing,
    Grid,
    Plane2D,
    blend,
    ellipse,
    inside,
    noise,
    pixel_of,
    posed_grid,
)


def draw_spine(facts: CaseFacts, height: int, width: int, rng: np.random.Generator) -> Drawing:
    """Shape (height, width); the face looks to the left."""
    grid = posed_grid(height, width, rng)
    cervical = (facts.site or "").startswith("C")
    canvas = 0.12 + 0.16 * inside(0.75 - np.abs(grid.x + 0.05), 0.15) + 0.05 * noise((height, width), 5, rng)
    if cervical:
        blend(canvas, ellipse(grid, 0.1, -1.0, 0.75, 0.5), 0.62)
        blend(canvas, ellipse(grid, -0.62, -0.5, 0.3, 0.14, -0.4), 0.6)
    tall, wide = (0.13, 0.17) if cervical else (0.21, 0.3)
    for level in range(-4, 5):
        _vertebra(canvas, facts, grid, level, (tall, wide))
    if facts.lesion == "fixation":
        _hardware(canvas, grid, tall, wide)
    canvas += 0.025 * rng.standard_normal((height, width), np.float32)
    return Drawing(np.clip(canvas, 0, 1), pixel_of(grid, 0.0, 0.0))


def _centre_of(level: int, tall: float) -> tuple[float, float]:
    y = 2.35 * tall * level
    return 0.12 * y * y - 0.05, y


def _vertebra(canvas: Plane2D, facts: CaseFacts, grid: Grid, level: int, size: tuple[float, float]) -> None:
    tall, wide = size
    cx, cy = _centre_of(level, tall)
    height: float | Plane2D = tall
    if level == 0 and facts.lesion == "compression fracture":
        height = np.clip(tall * (0.62 + 0.5 * (grid.x - cx) / wide), 0.1 * tall, tall)  # wedged to the front
    if level <= 0 and facts.lesion == "spondylolisthesis":
        cx -= 0.45 * wide
    dy = np.abs(grid.y - np.float32(cy)) / height
    dx = np.abs(grid.x - np.float32(cx)) / np.float32(wide)
    body = inside(1 - (dx**6 + dy**6) ** (1 / 6), tall)
    blend(canvas, body, 0.58)
    rim = body * (1 - inside(0.84 - (dx**6 + dy**6) ** (1 / 6), tall))
    blend(canvas, rim, 0.78)
    blend(
        canvas, ellipse(grid, cx + 1.9 * wide, cy + 0.5 * tall, 0.75 * wide, 0.34 * tall, 0.5), 0.52
    )  # spinous process


def _hardware(canvas: Plane2D, grid: Grid, tall: float, wide: float) -> None:
    for level in (0, 1):
        cx, cy = _centre_of(level, tall)
        blend(canvas, ellipse(grid, cx + 0.5 * wide, cy, 1.15 * wide, 0.14 * tall, 0.06), 0.99)
    cx, cy = _centre_of(0, tall)
    blend(canvas, ellipse(grid, cx + 1.6 * wide, cy + 1.2 * tall, 0.14 * wide, 2.2 * tall), 0.99)
