"""Varied volumes, as SeLIP varies them: zoom, turn about the slice axis, weak elastic moves, gamma and gain.

All numbers are drawn on the CPU from the caller's generator and applied on the volumes' device, in one resampling. A
study's sequences are varied alike, since they are registered. Nothing is flipped: a side is a finding's fact.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from journalclip_training.studies.config import StudyDataConfig

_KNOTS = 4  # places a side of the coarse grid of elastic moves: a bend of a quarter of the head
WHITE = 255.0


def vary(voxels: Tensor, config: StudyDataConfig, rng: np.random.Generator) -> Tensor:
    """uint8 [B, S, Z, H, W] of the same shape and device."""
    if config.zoom or config.turn or config.elastic:
        voxels = _bent(voxels, config, rng)
    elif config.shift:
        voxels = _moved(voxels, config.shift, rng)
    if config.brightness or config.gamma:
        voxels = _lit(voxels, config, rng)
    return voxels


def _moved(voxels: Tensor, shift: int, rng: np.random.Generator) -> Tensor:
    """By whole pixels; the border is background."""
    moves = rng.integers(-shift, shift + 1, (len(voxels), 2)).tolist()
    return torch.stack(
        [torch.roll(each, (rows, columns), (-2, -1)) for each, (rows, columns) in zip(voxels, moves, strict=True)]
    )


def _bent(voxels: Tensor, config: StudyDataConfig, rng: np.random.Generator) -> Tensor:
    """Zoomed, turned, moved and bent in-plane; places beyond the border are background."""
    n, _, _, rows, columns = voxels.shape
    scale = 1 / rng.uniform(1 - config.zoom, 1 + config.zoom, n)
    turn = rng.uniform(-config.turn, config.turn, n)
    moves = rng.integers(-config.shift, config.shift + 1, (n, 2)) * 2 / np.array([columns, rows])
    cos, sin, aspect = np.cos(turn) * scale, np.sin(turn) * scale, rows / columns
    matrix = np.stack(
        [np.stack([cos, -sin * aspect, moves[:, 0]], 1), np.stack([sin / aspect, cos, moves[:, 1]], 1)], 1
    )
    theta = torch.from_numpy(matrix.astype(np.float32)).to(voxels.device)
    grid = affine_grid(theta, [n, 1, rows, columns], align_corners=False)
    if config.elastic:
        knots = (
            rng.uniform(-1, 1, (n, 2, _KNOTS, _KNOTS)) * config.elastic * 2 / np.array([columns, rows])[:, None, None]
        )
        bend = torch.from_numpy(knots.astype(np.float32)).to(voxels.device)
        grid = grid + interpolate(bend, (rows, columns), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    flat = voxels.flatten(1, 2).float()  # slices as channels: one grid serves all of a study's
    return grid_sample(flat, grid, align_corners=False).round_().clamp_(0, WHITE).to(torch.uint8).view(voxels.shape)


def _lit(voxels: Tensor, config: StudyDataConfig, rng: np.random.Generator) -> Tensor:
    """Gamma on the scale 0 to 1, then a gain; 0 stays the background."""
    n = len(voxels)
    gains = rng.normal(1, config.brightness, n) if config.brightness else np.ones(n)
    powers = rng.uniform(1 - config.gamma, 1 + config.gamma, n) if config.gamma else np.ones(n)
    gain, power = (
        torch.tensor(each, dtype=torch.float32, device=voxels.device).view(-1, 1, 1, 1, 1) for each in (gains, powers)
    )
    floats = voxels.float()
    if config.gamma:
        floats = (floats / WHITE).pow(power) * WHITE
    return (floats * gain).clamp_(0, WHITE).to(torch.uint8)
