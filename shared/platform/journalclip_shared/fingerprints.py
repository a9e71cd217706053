"""Fingerprints: do two pictures show the same, though one is cropped, mirrored, brighter or compressed again?

A fingerprint has two parts. Its map is local contrast on `SIDE` x `SIDE` cells of four levels. Two maps are laid over
each other by scale and shift along both axes (Lucas and Kanade 1981, from coarse to fine), as they are and mirrored;
the correlation of what overlaps is their likeness. Neighbouring slices of one scan share their outline and not their
local contrast, so they stay apart. Its code is `CODE` numbers of what a network sees.

Laying two maps over each other takes a fiftieth of a second. So it is done only where codes are near, and where coarse
maps agree in one of a few places already. docs/benchmarks/duplicates.md has the figures.
"""

from __future__ import annotations

import base64
import functools
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIDE = 64
SAME = 0.91  # correlation from which two pictures are one; measured: docs/benchmarks/duplicates.md
LEVELS = 4
_BITS = np.array([0, 2, 4, 6], np.uint8)
CODE = 64
_NEAR = 0.6  # cosine of two codes from which their maps are compared
_GRID = 16  # cells a side of a coarse map
_ROUGHLY = 0.7  # correlation of two coarse maps from which the fine ones are compared
_PLACES = tuple(
    (scale, across, down)
    for scale in (0.9, 0.95, 1.0, 1.05, 1.1)
    for across in (-0.08, 0.0, 0.08)
    for down in (-0.08, 0.0, 0.08)
)  # where coarse maps are tried; shifts in halves of the side
_MOST = 256  # maps that one is compared with, the nearest first
_BLOCK = 2048
_MAP, _COARSE = SIDE * SIDE // 4, _GRID * _GRID * 4  # bytes of a map as it is stored, and of a coarse one
_FINE, _SHOWN = (3.0, 1.5, 0.7), 0.5  # cells: blur of each step of the alignment, and of what is compared in the end
_ROUGH = 2.0  # cells: blur of a coarse map
_STEPS = 6
_SCALE, _SHIFT = (0.8, 1.25), 0.15  # how far maps are laid; shifts in halves of the side
_OVERLAP = 0.6  # share of the cells that must overlap
_HOPELESS = 0.4  # correlation after the coarsest step below which no finer one is tried

Map = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Printed:
    """Something with a picture, and its fingerprint."""

    id: str
    fingerprint: str


@dataclass(frozen=True)
class Fingerprint:
    """``code``: (`CODE`,) unit vector. ``contrast``: (`SIDE`, `SIDE`) levels around 0."""

    code: Map
    contrast: Map


def encode(code: Map, contrast: Map) -> str:
    """Text of both parts; ``contrast`` of mean 0 and deviation about 1."""
    scaled = np.round(code / max(float(np.abs(code).max()), 1e-9) * 127).astype(np.int8)
    levels = np.clip(np.floor(contrast + LEVELS / 2), 0, LEVELS - 1).astype(np.uint8).reshape(-1, 4)
    packed = (levels << _BITS).sum(axis=1, dtype=np.uint8)
    return base64.b64encode(scaled.tobytes() + packed.tobytes()).decode()


def decode(fingerprint: str) -> Fingerprint:
    """Raises ValueError where the text is no fingerprint."""
    stored = _stored(fingerprint)
    return Fingerprint(_units(np.frombuffer(stored, np.int8, CODE)[None])[0], _contrast(stored))


def _stored(fingerprint: str) -> bytes:
    stored = base64.b64decode(fingerprint, validate=True)
    if len(stored) != CODE + _MAP:
        raise ValueError(f"not a fingerprint: {len(stored)} bytes")
    return stored


def _units(codes: npt.NDArray[np.int8]) -> Map:
    """Unit vectors of stored codes, row by row."""
    units: Map = codes.astype(np.float64)
    lengths = np.linalg.norm(units, axis=1)
    lengths[lengths == 0] = 1.0
    units /= lengths[:, None]
    return units


def _contrast(stored: bytes) -> Map:
    return _levels(np.frombuffer(stored, np.uint8, offset=CODE))


def _levels(packed: npt.NDArray[np.uint8]) -> Map:
    contrast: Map = (packed[:, None] >> _BITS & (LEVELS - 1)).astype(np.float64)
    return contrast.reshape(SIDE, SIDE) - (LEVELS - 1) / 2


def likeness(one: Map, other: Map) -> float:
    """Correlation of what two maps of contrast share at their best fit, as they are or mirrored; 1 for equal ones."""
    return max(_laid_over(one, other), _laid_over(one, other[:, ::-1]))


def same_pictures(items: Iterable[Printed]) -> Iterator[tuple[str, str]]:
    """Pairs of ids whose pictures are the same, each at least once; ``items`` in order of their ids.

    An item costs its id and `CODE` bytes of memory: its maps lie in a temporary file until they are compared. Raises
    ValueError for what is no fingerprint.
    """
    ids, codes = list[str](), bytearray()
    with tempfile.TemporaryFile() as maps:
        for item in items:
            stored = _stored(item.fingerprint)
            coarse = _coarse(_contrast(stored), ((1.0, 0.0, 0.0),))[0]
            maps.write(stored[CODE:] + coarse.tobytes())
            ids.append(item.id)
            codes += stored[:CODE]
        maps.flush()
        read = _Maps(maps.fileno())
        for one, near in _candidates(np.frombuffer(codes, np.int8).reshape(-1, CODE)):
            contrast = read.contrast(one)
            places = _coarse(contrast, _PLACES)
            coarse = np.stack([read.coarse(other) for other in near.tolist()])
            rough = np.maximum(places @ coarse.T, _mirrored(places) @ coarse.T).max(axis=0)
            for other in near[rough >= _ROUGHLY].tolist():
                if likeness(contrast, read.contrast(other)) >= SAME:
                    yield ids[one], ids[other]


@dataclass(frozen=True)
class _Maps:
    """Maps by number, in a file: of each the map as it is stored, then the coarse one."""

    file: int

    def contrast(self, number: int) -> Map:
        return _levels(np.frombuffer(os.pread(self.file, _MAP, number * (_MAP + _COARSE)), np.uint8))

    def coarse(self, number: int) -> npt.NDArray[np.float32]:
        return np.frombuffer(os.pread(self.file, _COARSE, number * (_MAP + _COARSE) + _MAP), np.float32)


def _coarse(contrast: Map, places: Sequence[tuple[float, float, float]]) -> npt.NDArray[np.float32]:
    """(places, `_GRID` squared) unit vectors of mean 0: the map as it shows from each place, in large cells."""
    centre = (SIDE - 1) / 2
    down, across = (np.mgrid[0:_GRID, 0:_GRID] * 2 + 1) / _GRID - 1
    scale, right, below = (np.array(each)[:, None, None] for each in zip(*places, strict=True))
    x: Map = np.clip(centre * (1 + scale * across + right), 0, SIDE - 1)
    y: Map = np.clip(centre * (1 + scale * down + below), 0, SIDE - 1)
    seen = _at(_blur(contrast, _ROUGH), x, y).reshape(len(places), -1)
    seen -= seen.mean(axis=1, keepdims=True)
    unit: Map = seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-9)
    return unit.astype(np.float32)


def _mirrored(coarse: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return coarse.reshape(-1, _GRID, _GRID)[:, :, ::-1].reshape(len(coarse), -1)


def _candidates(codes: npt.NDArray[np.int8]) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Each place and the later ones whose codes are near, at most the `_MOST` nearest."""
    for start in range(0, len(codes), _BLOCK):
        block = _units(codes[start : start + _BLOCK]).astype(np.float32)
        near: list[list[tuple[float, int]]] = [[] for _ in block]
        for against in range(start, len(codes), _BLOCK):
            cosines = block @ _units(codes[against : against + _BLOCK]).astype(np.float32).T
            rows, columns = np.nonzero(cosines >= _NEAR)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                if against + column > start + row:
                    near[row].append((-float(cosines[row, column]), against + column))
                    if len(near[row]) > 4 * _MOST:  # of what is far off, no more than that is held
                        near[row] = sorted(near[row])[:_MOST]
        for row, found in enumerate(near):
            if found:
                yield start + row, np.array([column for _, column in sorted(found)[:_MOST]], np.intp)


def _laid_over(one: Map, other: Map) -> float:
    """Correlation of ``one`` with ``other`` scaled and shifted onto it; -1 where they do not come to lie."""
    centre = (SIDE - 1) / 2
    down, across = (np.mgrid[0:SIDE, 0:SIDE] - centre) / centre
    fit = np.array([1.0, 0.0, 1.0, 0.0])  # scale and shift across, scale and shift down
    for blur in _FINE:
        still, moved = _blur(one, blur), _blur(other, blur)
        slope_down, slope_across = (np.asarray(each, np.float64) for each in np.gradient(moved))
        for _ in range(_STEPS):
            x, y = centre * (1 + fit[0] * across + fit[1]), centre * (1 + fit[2] * down + fit[3])
            inside = _inside(x, y)
            if inside.mean() < _OVERLAP:
                return -1.0
            here, there = still[inside], _at(moved, x[inside], y[inside])
            gain = max(float(here @ there) / max(float(there @ there), 1e-9), 0.05)
            right = _at(slope_across, x[inside], y[inside]) * centre * gain
            below = _at(slope_down, x[inside], y[inside]) * centre * gain
            system = np.stack([right * across[inside], right, below * down[inside], below], axis=1)
            step = np.linalg.lstsq(system, here - gain * there, rcond=None)[0]
            fit = fit + np.clip(step, -0.08, 0.08)
            fit[0::2], fit[1::2] = np.clip(fit[0::2], *_SCALE), np.clip(fit[1::2], -_SHIFT, _SHIFT)
            if np.abs(step).max() < 2e-3:
                break
        if blur == _FINE[0] and _correlation(here, there) < _HOPELESS:
            return -1.0
    x, y = centre * (1 + fit[0] * across + fit[1]), centre * (1 + fit[2] * down + fit[3])
    inside = _inside(x, y)
    return _correlation(_blur(one, _SHOWN)[inside], _at(_blur(other, _SHOWN), x[inside], y[inside]))


def _inside(x: Map, y: Map) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = (x >= 0) & (x <= SIDE - 1) & (y >= 0) & (y <= SIDE - 1)
    return inside


def _correlation(one: Map, other: Map) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size else 0.0


def _at(values: Map, x: Map, y: Map) -> Map:
    """Values between the cells, by bilinear interpolation."""
    left, top = np.clip(x.astype(int), 0, SIDE - 2), np.clip(y.astype(int), 0, SIDE - 2)
    right, below = x - left, y - top
    upper = values[top, left] * (1 - right) + values[top, left + 1] * right
    lower = values[top + 1, left] * (1 - right) + values[top + 1, left + 1] * right
    between: Map = upper * (1 - below) + lower * below
    return between


def _blur(values: Map, deviation: float) -> Map:
    weights = _gaussian(deviation)
    blurred: Map = weights @ values @ weights.T
    return blurred


@functools.cache
def _gaussian(deviation: float) -> Map:
    """(`SIDE`, `SIDE`): each row the weights of one cell's neighbours."""
    cells = np.arange(SIDE)
    weights = np.exp(-((cells[:, None] - cells[None, :]) ** 2) / (2 * deviation**2))
    normed: Map = weights / weights.sum(axis=1, keepdims=True)
    return normed
