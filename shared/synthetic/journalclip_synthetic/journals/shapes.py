"""Soft shapes on a grid, from which the anatomical drawings are made.

A shape is an array of membership from 0 to 1 over the grid's points; shapes combine by minimum, maximum and
complement, and paint with `blend`. Coordinates are the head's own: x from -1 (image left) to 1, y from -1 (top) to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane2D: TypeAlias = NDArray[np.float32]

# Edges are as soft as a scanner of about 1 mm makes them: a tenth of full membership over 1/40 of the head.
SHARPNESS = 40.0


@dataclass(frozen=True)
class Grid:
    """The points of an image in head coordinates, after pose and warp."""

    x: Plane2D
    y: Plane2D


@dataclass(frozen=True)
class Drawing:
    """Brightness 0 to 1 by row and column, and the pixel (x, y) that an arrow should point at."""

    pixels: Plane2D
    target: tuple[float, float] | None = None


def pixel_of(grid: Grid, x: float, y: float) -> tuple[float, float]:
    """The pixel (x, y) nearest to a point given in head coordinates."""
    row, column = np.unravel_index(np.argmin(np.hypot(grid.x - x, grid.y - y)), grid.x.shape)
    return float(column), float(row)


def posed_grid(height: int, width: int, rng: np.random.Generator) -> Grid:
    """A grid under a random zoom, shift, turn and stretch, so that no two pictures share their outline."""
    scale = rng.uniform(0.86, 1.22)
    angle = rng.normal(0, 0.09)
    dx, dy = rng.normal(0, 0.06, 2)
    stretch = rng.uniform(0.9, 1.1)
    side = min(height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (x - width / 2) / (side / 2) * scale * stretch + dx
    y = (y - height / 2) / (side / 2) * scale / stretch + dy
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return Grid(cos * x - sin * y, sin * x + cos * y)


def radius(grid: Grid, cx: float, cy: float, rx: float, ry: float, angle: float = 0.0) -> Plane2D:
    """Elliptic radius: 0 in the centre, 1 on the ellipse."""
    dx, dy = grid.x - np.float32(cx), grid.y - np.float32(cy)
    if angle:
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        dx, dy = cos * dx + sin * dy, cos * dy - sin * dx
    u, v = dx * np.float32(1 / rx), dy * np.float32(1 / ry)
    r: Plane2D = np.sqrt(u * u + v * v)  # numpy's hypot guards against overflow at three times the price
    return r


def ellipse(grid: Grid, cx: float, cy: float, rx: float, ry: float, angle: float = 0.0) -> Plane2D:
    """A filled ellipse."""
    return inside(1 - radius(grid, cx, cy, rx, ry, angle), min(rx, ry))


def inside(margin: Plane2D, scale: float = 1.0) -> Plane2D:
    """Membership from a signed margin in units of ``scale``: positive is inside."""
    membership: Plane2D = np.clip(margin * np.float32(SHARPNESS * scale) + np.float32(0.5), 0, 1)
    return membership


def blob(grid: Grid, cx: float, cy: float, r: float, rng: np.random.Generator, rough: float = 0.18) -> Plane2D:
    """A filled, irregular round shape of mean radius ``r``."""
    angle = np.arctan2(grid.y - np.float32(cy), grid.x - np.float32(cx))
    wave = np.ones_like(angle)
    for k in (2, 3, 5):
        wave += np.float32(rough / k * rng.normal()) * np.cos(k * angle + np.float32(rng.uniform(0, 6.3)))
    return inside(wave - radius(grid, cx, cy, r, r), r)


def noise(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> Plane2D:
    """Smooth noise of unit variance with about ``cells`` bumps along each side."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), dtype=np.float32)


def blend(canvas: Plane2D, shape: Plane2D, value: float | Plane2D) -> None:
    """Paint ``value`` where ``shape`` is, in place."""
    canvas += shape * (value - canvas)
