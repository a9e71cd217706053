"""Where a region can be cut in two: gaps between panels, and seams where panels touch.

A gap is a run of lines of one colour across the whole region; what makes it a border of panels rather than the white
inside a chart is that pictures end at it with straight edges, or that it is wide. A seam is a line at which brightness
jumps along most of its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from journalclip_extraction.panels.raster import Lines, Raster, Region

Axis = Literal["x", "y"]

PURE = 0.985  # share of a dark gap line's pixels that have its colour: noise is brighter here and there
BLANK = 0.997  # and of a white one's: a single axis that crosses it makes it part of a chart
FLAT = 4.0  # levels of spread in a gap of another colour
WIDE = 0.03  # of the figure's shorter side: gaps between charts are wider, those within them are not
LEAST_PART = 0.09  # of the figure's side: no panel is narrower
REGULAR = 0.035  # of the region: how near to a half, third or quarter counts as regular
SLICES = 4  # parts of a seam that must each show it
SEAM_SHARE = 0.2  # of a line's pixels that jump, above what is usual around it
FULL = 0.6  # share of a gap's edge that pictures fill
BALANCED = 0.25  # thinner to thicker part: below it a gap in a drawing loses weight,
LEAST_WEIGHT = 0.4  # down to this
EDGE = 9  # lines behind a gap that tell a picture from an axis


@dataclass(frozen=True)
class Cut:
    """Cut ``axis`` between the lines ``start`` and ``end`` (the gap; equal at a seam). ``strength`` is 0 to 1."""

    axis: Axis
    start: int
    end: int
    at: int
    strength: float


def find_cuts(raster: Raster, region: Region) -> list[Cut]:
    """All places where ``region`` may be cut, in pixels of the raster, strongest first."""
    whole = raster.whole
    side = min(whole.width, whole.height)
    least_x, least_y = max(6, round(LEAST_PART * whole.width)), max(6, round(LEAST_PART * whole.height))
    columns, rows = raster.columns(region), raster.rows(region)
    cuts = [Cut("x", region.x0 + a, region.x0 + b, region.x0 + at, s) for a, b, at, s in _gaps(columns, side, least_x)]
    cuts += [Cut("y", region.y0 + a, region.y0 + b, region.y0 + at, s) for a, b, at, s in _gaps(rows, side, least_y)]
    for at, strength in _seams(columns, [raster.columns(part) for part in _slices(region, "y")], least_x):
        cuts.append(Cut("x", region.x0 + at, region.x0 + at, region.x0 + at, strength))
    for at, strength in _seams(rows, [raster.rows(part) for part in _slices(region, "x")], least_y):
        cuts.append(Cut("y", region.y0 + at, region.y0 + at, region.y0 + at, strength))
    return sorted(cuts, key=lambda cut: -cut.strength)


def _slices(region: Region, axis: Axis) -> list[Region]:
    """``region`` in `SLICES` parts along ``axis``."""
    if axis == "x":
        edges = [region.x0 + region.width * i // SLICES for i in range(SLICES + 1)]
        return [region._replace(x0=a, x1=b) for a, b in pairwise(edges)]
    edges = [region.y0 + region.height * i // SLICES for i in range(SLICES + 1)]
    return [region._replace(y0=a, y1=b) for a, b in pairwise(edges)]


def _gaps(lines: Lines, side: int, least: int) -> list[tuple[int, int, int, float]]:
    cuts = []
    count = len(lines.mean)
    inked = np.flatnonzero(lines.white < PURE)
    if not len(inked):
        return []
    flat = (lines.spread <= FLAT) & (lines.white < 0.5) & (lines.black < 0.5)
    for share, pure in ((lines.white, BLANK), (lines.black, PURE), (flat.astype(np.float32), PURE)):
        for start, end in _runs(share >= pure):
            if start - inked[0] < least or inked[-1] + 1 - end < least:
                continue
            before, after = _filled(share[:start][::-1]), _filled(share[end:])
            at = _regular(start, end, count)
            strength = _gap_strength((end - start) / side, before, after, at / count)
            if min(before, after) < FULL:  # not between pictures: perhaps between a plot and its axis title
                parts = sorted((float(start - inked[0]), float(inked[-1] + 1 - end)))
                strength *= min(1.0, max(LEAST_WEIGHT, parts[0] / parts[1] / BALANCED))
            cuts.append((start, end, at, strength))
    return cuts


def _filled(share: NDArray[np.float32]) -> float:
    """How much of the edge of a gap is filled by what lies behind it: a picture fills all, an axis only a line."""
    return 1 - float(np.median(share[1 : 1 + EDGE])) if len(share) > 1 else 0.0


def _gap_strength(width: float, before: float, after: float, where: float) -> float:
    """Width in parts of the figure; ``before`` and ``after`` are the shares of the edge that a picture fills."""
    base = 0.3 * min(1.0, width / WIDE) + 0.5 * min(before, after) + 0.12 * max(before, after)
    return base + (0.08 if _is_regular(where) else 0.0)


def _seams(lines: Lines, slices: list[Lines], least: int) -> list[tuple[int, float]]:
    """Lines at which brightness jumps all along, in every slice of the length, far above what is usual around them."""
    excess = lines.jump - _median_around(lines.jump)
    count = len(excess)
    cuts = []
    for at in np.flatnonzero(excess > SEAM_SHARE).tolist():
        if min(at, count - at) < least or excess[at] < excess[max(0, at - 3) : at + 4].max():
            continue
        everywhere = min(float(part.jump[at] - np.median(part.jump[max(0, at - 9) : at + 10])) for part in slices)
        if everywhere > SEAM_SHARE / 2:
            cuts.append((at, min(0.7, float(excess[at])) + (0.1 if _is_regular(at / count) else 0.0)))
    return cuts


def _median_around(values: NDArray[np.float32], reach: int = 9) -> NDArray[np.float32]:
    """Median of each value's neighbourhood."""
    padded = np.pad(values, reach, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1).astype(np.float32)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _fractions(count: int) -> list[float]:
    return [count * k / n for n in (2, 3, 4) for k in range(1, n)]


def _regular(start: int, end: int, count: int) -> int:
    """The place to cut within a gap: at a half, third or quarter if one lies in it, else in the middle."""
    middle = (start + end) / 2
    inside = [fraction for fraction in _fractions(count) if start <= fraction <= end]
    nearest: float = min(inside, key=lambda fraction: abs(fraction - middle), default=middle)
    return round(nearest)


def _is_regular(where: float) -> bool:
    return any(abs(where - f) < REGULAR for f in _fractions(1))
