"""From a picture to what an image tower sees, the same in training, evaluation and serving.

The whole figure is kept: it is resized so that its longer side fits and padded to a square with the border's own
colour, because a centre crop (CLIP's default) would cut panels and labels off. Pixels stay uint8 until they are on the
device, where `normalise` makes them floats: a quarter of the bytes to move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocess:
    """Square size in pixels; mean and standard deviation per RGB channel on the scale 0 to 1."""

    size: int
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)  # the statistics CLIP was published with
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)

    def pixels(self, image: Image.Image) -> Pixels:
        """uint8 [size, size, 3], padded to a square."""
        rgb = image.convert("RGB")
        scale = self.size / max(rgb.size)
        width, height = (max(1, round(side * scale)) for side in rgb.size)
        small = np.asarray(rgb.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0))
        if width == height:
            return small.copy()  # Pillow's own memory may not be written to
        canvas = np.empty((self.size, self.size, 3), np.uint8)
        canvas[:] = _border_colour(small)
        top, left = (self.size - height) // 2, (self.size - width) // 2
        canvas[top : top + height, left : left + width] = small
        return canvas

    def batch(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """uint8 [N, 3, size, size]."""
        stacked = np.stack([self.pixels(image) for image in images])
        return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()

    def normalise(self, pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """uint8 [N, 3, H, W] on any device to the tower's input of ``dtype``."""
        mean = torch.tensor(self.mean, device=pixels.device, dtype=dtype).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=pixels.device, dtype=dtype).view(1, 3, 1, 1)
        return (pixels.to(dtype) / 255 - mean) / std


def _border_colour(pixels: Pixels) -> Pixels:
    """The median of each channel, rounded down; by counting, which is five times as fast as sorting."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    middle = [(len(border) - 1) // 2 + 1, len(border) // 2 + 1]
    pairs = [np.searchsorted(np.bincount(channel, minlength=256).cumsum(), middle) for channel in border.T]
    return np.array([int(low + high) // 2 for low, high in pairs], np.uint8)
