"""How far a drawn region lies from the true one: the 95th percentile of the Hausdorff distance (HD95), in millimetres.

As BraTS asks it: of each surface's voxels the distance to the other surface, its 95th percentile (linear), and the
larger of both directions. Surfaces are voxels of the region with a neighbour by a face outside it; what lies at the
border of the volume has one there. Distances are between voxel centres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]  # millimetres between voxels, in the order of the axes
PERCENTILE = 95


def diagonal(shape: tuple[int, ...], spacing_mm: Spacing) -> float:
    """Millimetres across the volume: the distance of a region that was not found at all, as BraTS counts it."""
    return float(np.linalg.norm(np.array(shape) * np.array(spacing_mm)))


def hd95(found: Mask, truth: Mask, spacing_mm: Spacing) -> float:
    """Of two regions of one shape [Z, H, W].

    0 where both are empty, the volume's `diagonal` where one of them is. Raises `ValueError` for different shapes.
    """
    if found.shape != truth.shape:
        raise ValueError(f"regions of {found.shape} and {truth.shape}")
    if not found.any() or not truth.any():
        return 0.0 if found.any() == truth.any() else diagonal(found.shape, spacing_mm)
    near = _box(found | truth)  # a head is mostly background
    one, other = _surface(found[near]), _surface(truth[near])
    return max(_percentile(one, other, spacing_mm), _percentile(other, one, spacing_mm))


def _percentile(of: Mask, to: Mask, spacing_mm: Spacing) -> float:
    distances = distance_transform_edt(~to, sampling=spacing_mm)[of]
    return float(np.percentile(distances, PERCENTILE))


def _surface(region: Mask) -> Mask:
    inside: Mask = binary_erosion(region)  # beyond the border is outside
    return region & ~inside


def _box(region: Mask) -> tuple[slice, ...]:
    """The smallest box around the region and one voxel more, where the volume has one."""
    return tuple(slice(max(0, int(places.min()) - 1), int(places.max()) + 2) for places in np.nonzero(region))
