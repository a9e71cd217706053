"""Estimates of the brain in a head: tissue of the brain's brightness that erosion parts from scalp and orbits.

Masks lie on a grid of cubes of `WORK_MM`, in RAS order. Several estimates with other thresholds and other depths of
erosion are made; where they agree on one brain, their vote counts.
"""

from __future__ import annotations

from math import isqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    affine_transform,
    binary_closing,
    binary_fill_holes,
    gaussian_filter,
    label,
)

from journalclip_sources.studies.volume import Volume, Voxels

WORK_MM = 2.5
Mask: TypeAlias = NDArray[np.bool_]
Thresholds: TypeAlias = tuple[tuple[float, float, float], ...]

# Of the brain's brightness: from, to; erosion in mm. The second set takes in darker grey matter.
NARROW: Thresholds = ((0.65, 1.6, 6.0), (0.55, 1.7, 9.0), (0.65, 1.6, 4.5))
WIDE: Thresholds = ((0.5, 1.7, 6.0), (0.45, 1.8, 9.0), (0.55, 1.7, 4.5))
_BRAIN_ML = (700.0, 2100.0)
_AGREE = 0.9  # Dice of two estimates that are one brain
_CLOSED_MM = 9.0  # folds and ventricles of the estimate that are closed
_EXACT = 1e-6
_CORE_MM = (72.0, 40.0)  # below the head's top, and the radius, of what is brain for certain


def work_volume(volume: Volume) -> Volume:
    """In RAS order, smoothed and resampled to cubes of `WORK_MM`."""
    spacing = volume.spacing
    sigma = [0.42 * WORK_MM / each if each < WORK_MM else 0.0 for each in spacing]
    smooth = gaussian_filter(volume.voxels, sigma) if any(sigma) else volume.voxels
    ends = [(0, side - 1) for side in volume.voxels.shape]
    corners = np.array([[i, j, k, 1.0] for i in ends[0] for j in ends[1] for k in ends[2]]) @ volume.affine.T
    low, high = corners[:, :3].min(0), corners[:, :3].max(0)
    shape = tuple(max(1, min(160, int((b - a) // WORK_MM) + 1)) for a, b in zip(low, high, strict=True))
    affine = np.diag([WORK_MM, WORK_MM, WORK_MM, 1.0])
    affine[:3, 3] = low
    matrix = np.linalg.inv(volume.affine) @ affine
    voxels = affine_transform(
        smooth, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=1, cval=float(volume.voxels.min())
    )
    return Volume(voxels, affine)


def head_mask(voxels: Voxels) -> Mask | None:
    """All of the head, holes filled; None where nothing is seen."""
    top = float(np.percentile(voxels, 98))
    base = float(np.percentile(voxels, 5))
    if top <= base:
        return None
    mask = binary_closing(voxels > base + 0.14 * (top - base), iterations=1)
    mask = _largest(mask)
    filled = np.stack([binary_fill_holes(mask[:, :, k]) for k in range(mask.shape[2])], -1)
    return filled if filled.sum() > 50 else None


def darkest(small: Volume) -> float:
    """Brightness of the background."""
    return float(np.percentile(small.voxels, 5))


def brain_estimates(small: Volume, head: Mask, thresholds: Thresholds) -> list[Mask]:
    """Brains of plausible size by each of the thresholds."""
    core = _core(small, head)
    base = darkest(small)
    if not core.any() or float(head.sum()) * WORK_MM**3 / 1000 < _BRAIN_ML[0]:
        return []
    bright = float(np.median(small.voxels[core])) - base
    if bright <= 0:
        return []
    found = []
    for low, high, depth in thresholds:
        tissue = head & (small.voxels > base + low * bright) & (small.voxels < base + high * bright)
        brain = _parted(tissue, core, head, depth)
        if brain is not None and _BRAIN_ML[0] <= float(brain.sum()) * WORK_MM**3 / 1000 <= _BRAIN_ML[1]:
            found.append(brain)
    return found


def _core(small: Volume, head: Mask) -> Mask:
    """A ball in the head's upper middle."""
    x, y, z = small.world()
    below, radius = _CORE_MM
    top = float(np.percentile(np.broadcast_to(z, head.shape)[head], 99.7))
    upper = head & (z > top - 80.0)
    if not upper.any():
        return np.zeros(head.shape, np.bool_)
    middle = float(np.median(np.broadcast_to(x, head.shape)[upper]))
    ends = np.percentile(np.broadcast_to(y, head.shape)[upper], (1, 99))
    return np.asarray((x - middle) ** 2 + (y - ends.mean()) ** 2 + (z - (top - below)) ** 2 < radius**2)


def _parted(tissue: Mask, core: Mask, head: Mask, depth: float) -> Mask | None:
    """The tissue that erosion parts from the rest and that holds most of the core, grown back to its size."""
    numbered, count = label(eroded(tissue, depth))
    if not count:
        return None
    sizes = np.bincount(numbered[core], minlength=count + 1)[1:]
    if not sizes.any():
        return None
    brain = np.pad(dilated(numbered == int(sizes.argmax()) + 1, depth) & head, 4)
    closed = eroded(dilated(brain, _CLOSED_MM), _CLOSED_MM)[4:-4, 4:-4, 4:-4]
    return np.asarray(binary_fill_holes(closed))


def agreeing(estimates: list[Mask]) -> bool:
    """Whether at least two of the estimates are one brain."""
    pairs = [(a, b) for n, a in enumerate(estimates) for b in estimates[n + 1 :]]
    return any(2 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum())) >= _AGREE for a, b in pairs)


def vote(estimates: list[Mask]) -> Mask:
    """What most of the estimates hold; of two, what both hold."""
    return np.asarray(sum(each.astype(np.uint8) for each in estimates) >= 2)


def eroded(mask: Mask, depth: float) -> Mask:
    """Without what lies at most ``depth`` mm from the outside. Nothing beyond the volume's edge counts as outside."""
    return ~dilated(~mask, depth)


def dilated(mask: Mask, reach: float) -> Mask:
    """With what lies at most ``reach`` mm away.

    Exact, as by a whole distance transform, and several times faster: squared distances in voxels are followed along
    one axis after another (Felzenszwalb and Huttenlocher 2012), no farther than ``reach``.
    """
    limit = int(((reach + _EXACT) / WORK_MM) ** 2)
    farthest = isqrt(limit)
    narrow = limit + 1 + farthest**2 <= np.iinfo(np.uint8).max  # bytes are four times as fast
    squared: NDArray[np.integer] = np.where(mask, 0, limit + 1).astype(np.uint8 if narrow else np.int32)
    for axis in range(squared.ndim):
        along = np.moveaxis(squared, axis, 0)
        nearest = along.copy()
        for step in range(1, min(farthest, len(along) - 1) + 1):
            np.minimum(nearest[step:], along[:-step] + step**2, out=nearest[step:])
            np.minimum(nearest[:-step], along[step:] + step**2, out=nearest[:-step])
        squared = np.moveaxis(nearest, 0, axis)
    return np.asarray(squared <= limit)


def _largest(mask: Mask) -> Mask:
    numbered, count = label(mask)
    return numbered == int(np.bincount(numbered.ravel())[1:].argmax()) + 1 if count else mask
