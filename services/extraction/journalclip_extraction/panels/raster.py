"""A figure's pixels, prepared so that any line of any region is judged in constant time.

The image is shrunk to at most `SIDE` pixels and kept as prefix sums along both axes: of white and of black pixels, of
brightness and its square, and of the steps to the neighbouring line. A region is (x0, y0, x1, y1) in these pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

SIDE = 512  # a gap of 2 pixels in a figure of 1,000 is still a line; prefix sums take 4 ms
WHITE = 238  # JPEG rings around black strokes on white stay above this
JUMP = 14  # levels; above the noise of a scan
REACH = 3
BODY = 0.06  # of the shorter side, both ways: letters, words and rules are smaller
BLACK = 42  # the air around a head on CT, with its noise


class Region(NamedTuple):
    """A rectangle of pixels."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0


@dataclass(frozen=True)
class Lines:
    """The lines of a region across one axis: one value a line, shares of its pixels or levels from 0 to 255."""

    white: NDArray[np.float32]
    black: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    step: NDArray[np.float32]  # mean absolute difference to the line before
    jump: NDArray[np.float32]  # share of pixels that differ from the line before, and around it, by more than `JUMP`


class Raster:
    """Prefix sums of one figure."""

    def __init__(self, image: Image.Image) -> None:
        shrink = min(1.0, SIDE / max(image.size))
        size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
        grey = image.convert("L")
        if size != image.size:
            grey = grey.resize(size, Image.Resampling.BOX)
        self.pixels = np.asarray(grey, np.uint8)
        self.scale = image.width / size[0]
        self._columns = _sums(self.pixels, axis=0)
        self._rows = _sums(self.pixels, axis=1)

    @property
    def whole(self) -> Region:
        height, width = self.pixels.shape
        return Region(0, 0, width, height)

    @cached_property
    def bodies(self) -> NDArray[np.int64]:
        """(n, 4): boxes of connected ink that is more than print: pictures, plots, drawings."""
        found = ndimage.find_objects(ndimage.label(self.pixels < WHITE, structure=np.ones((3, 3)))[0])
        boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in found], np.int64).reshape(-1, 4)
        least = BODY * min(self.pixels.shape)
        large: NDArray[np.int64] = boxes[((boxes[:, 2:] - boxes[:, :2]) >= least).all(axis=1)]
        return large

    def has_body(self, region: Region) -> bool:
        """Does a good part of some picture, plot or drawing lie in ``region``?"""
        boxes = self.bodies
        wide = np.minimum(boxes[:, 2], region.x1) - np.maximum(boxes[:, 0], region.x0)
        high = np.minimum(boxes[:, 3], region.y1) - np.maximum(boxes[:, 1], region.y0)
        least = BODY * min(self.pixels.shape)
        return bool(((wide >= least) & (high >= least)).any())

    def columns(self, region: Region) -> Lines:
        """The columns of ``region``, from left to right."""
        return _lines(self._columns[:, :, region.x0 : region.x1], region.y0, region.y1)

    def rows(self, region: Region) -> Lines:
        """The rows of ``region``, from top to bottom."""
        return _lines(self._rows[:, :, region.y0 : region.y1], region.x0, region.x1)


def _sums(pixels: NDArray[np.uint8], axis: int) -> NDArray[np.float64]:
    """(6 measures, length + 1, lines): sums along ``axis`` up to each place."""
    along = pixels if axis == 0 else pixels.T
    level = along.astype(np.float64)
    step = np.abs(np.diff(level, axis=1, prepend=level[:, :1]))
    # A thin line steps up and down again; only a border still differs a few lines on.
    beyond = np.abs(
        level[:, np.minimum(np.arange(level.shape[1]) + REACH, level.shape[1] - 1)] - np.roll(level, REACH, 1)
    )
    stack = np.stack([along >= WHITE, along <= BLACK, level, level * level, step, (step > JUMP) & (beyond > JUMP)])
    sums = np.zeros((6, along.shape[0] + 1, along.shape[1]))
    np.cumsum(stack, axis=1, out=sums[:, 1:])
    return sums


def _lines(sums: NDArray[np.float64], start: int, end: int) -> Lines:
    white, black, mean, square, step, jump = ((sums[:, end] - sums[:, start]) / max(1, end - start)).astype(np.float32)
    return Lines(white, black, mean, np.sqrt(np.maximum(square - mean * mean, 0)), step, jump)
