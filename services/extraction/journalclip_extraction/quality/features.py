"""What can be measured of a figure without knowing what it shows: size, colour, tone, flatness, edges, text share.

A figure is 26 numbers, each roughly between 0 and 1 and none dependent on the resolution of the crop: all but the size
are read from a copy of at most 256 pixels a side. Drawn figures are flat and white with few colours; scans, micrographs
and photographs are neither.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Vector = npt.NDArray[np.float64]

_SIDE = 256
_WHITE, _BLACK = 244, 12  # grey levels beyond which JPEG noise hides no tone
_COLOURED = 40  # difference of the largest and smallest channel from which the eye says coloured
_EDGE = 40  # grey levels between neighbours
_BLOCK = 8  # pixels: a word of a figure of 256 pixels is one or two blocks

NAMES: tuple[str, ...] = (
    "size", "aspect", "mean", "deviation", "entropy", "white", "black", "coloured", "saturation", "colours", "flat",
    "edges", "rough", "text", "rows", "columns", "border_white", "border_black", *(f"tone{at}" for at in range(8)),
)  # fmt: skip


def measure(image: Image.Image, size: tuple[int, int]) -> Vector:
    """The numbers of `NAMES`; ``size`` is the figure's own, of which ``image`` may be a reduced copy."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    rgb = np.asarray(small)
    grey = np.asarray(small.convert("L"), dtype=np.int16)
    red, green, blue = (np.ascontiguousarray(rgb[:, :, at]) for at in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return np.array(
        [*_shape(*size), *_tone(grey), *_colour(rgb, spread), *_texture(grey), *_border(grey), *_tones(grey)]
    )


def as_dict(vector: Vector) -> dict[str, float]:
    return {name: float(value) for name, value in zip(NAMES, vector, strict=True)}


def _shape(wide: int, high: int) -> tuple[float, float]:
    pixels = np.log2(max(1, wide * high)) / 24
    aspect = np.log2(max(1, wide) / max(1, high)) / 3
    return float(pixels), float(np.clip(aspect, -1, 1))


def _tone(grey: npt.NDArray[np.int16]) -> tuple[float, ...]:
    counts = np.bincount(grey.ravel(), minlength=256) / grey.size
    entropy = -np.sum(counts[counts > 0] * np.log2(counts[counts > 0])) / 8
    return (
        float(grey.mean() / 255),
        float(grey.std() / 128),
        float(entropy),
        float((grey >= _WHITE).mean()),
        float((grey <= _BLACK).mean()),
    )


def _colour(rgb: npt.NDArray[np.uint8], spread: npt.NDArray[np.uint8]) -> tuple[float, float, float]:
    coarse = (rgb >> 4).astype(np.int16)
    codes = coarse[:, :, 0] * 256 + coarse[:, :, 1] * 16 + coarse[:, :, 2]
    distinct = np.count_nonzero(np.bincount(codes.ravel(), minlength=1 << 12))
    return float((spread > _COLOURED).mean()), float(spread.mean() / 255), float(np.log2(distinct) / 12)


def _texture(grey: npt.NDArray[np.int16]) -> tuple[float, ...]:
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    if not across.size or not down.size:
        return 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    flat = ((across <= 1).mean() + (down <= 1).mean()) / 2
    edges = ((across > _EDGE).mean() + (down > _EDGE).mean()) / 2
    rough = ((across > 2) & (across <= _EDGE)).mean()
    rows = (down > _EDGE).mean(axis=1).max()  # a long straight line is an axis, a frame or a box
    columns = (across > _EDGE).mean(axis=0).max()
    return float(flat), float(edges), float(rough), _text_share(grey), float(rows), float(columns)


def _text_share(grey: npt.NDArray[np.int16]) -> float:
    """Share of blocks that hold both white and dark and little between them, as small print does."""
    high, wide = grey.shape[0] // _BLOCK * _BLOCK, grey.shape[1] // _BLOCK * _BLOCK
    if not high or not wide:
        return 0.0
    blocks = grey[:high, :wide].reshape(high // _BLOCK, _BLOCK, wide // _BLOCK, _BLOCK)
    light = (blocks > 200).mean(axis=(1, 3))
    dark = (blocks < 140).mean(axis=(1, 3))
    return float(((light > 0.4) & (dark > 0.05) & (dark < 0.45)).mean())


def _border(grey: npt.NDArray[np.int16]) -> tuple[float, float]:
    frame = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return float((frame >= _WHITE).mean()), float((frame <= _BLACK).mean())


def _tones(grey: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = np.bincount(grey.ravel() >> 5, minlength=8) / grey.size
    return shares
