"""Varied pictures: a little nearer, shifted, brighter or flatter; never flipped, since a side is a finding's fact."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_ZOOM = 0.25  # at strength 1 a crop of at least three quarters: lesions at the rim stay in most of the crops
MAX_SHIFT = 0.12
MAX_TURN = 0.26  # radians, 15 degrees: what a tilted head shows
MAX_CONTRAST = 0.4


def vary(pixels: Tensor, chance: Tensor, strength: float) -> Tensor:
    """Pixels [n, 3, S, S] varied by uniform ``chance`` [n, >= 6]; float on 0 to 255, or as they came at strength 0."""
    if not strength:
        return pixels
    signed = (2 * chance - 1) * strength
    zoom = 1 - MAX_ZOOM * signed[:, 0]
    angle = MAX_TURN * signed[:, 1]
    theta = torch.zeros(len(pixels), 2, 3, device=pixels.device)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom * angle.cos()
    theta[:, 0, 1] = -zoom * angle.sin()
    theta[:, 1, 0] = zoom * angle.sin()
    theta[:, :, 2] = MAX_SHIFT * signed[:, 2:4]
    grid = torch.nn.functional.affine_grid(theta, list(pixels.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    gain, lift = (1 + MAX_CONTRAST * signed[:, 4]), 255 * 0.5 * MAX_CONTRAST * signed[:, 5]
    return (moved * gain[:, None, None, None] + lift[:, None, None, None]).clamp(0, 255)
