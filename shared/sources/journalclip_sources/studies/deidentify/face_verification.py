"""Whether a face's removal did what it should: the face is gone, and the brain is whole.

Two checks. The first asks each estimate of the brain, outvoted or not, for the share of the face that is gone and the
brain that is cut. The second does not use the thresholds that the cut was made with: it follows the image outwards
along the normals of the brain's surface. Where the brain ends, brightness leaves what it is just inside the surface,
towards dark bone or towards CSF; where it stays the same for longer than the cut's margin, the cut is in the brain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from journalclip_sources.studies.deidentify.brain import WORK_MM, Mask, darkest, dilated, eroded
from journalclip_sources.studies.volume import Volume, Voxels

SKIN_MM = 3.6  # kept around the brain, in front of and below it: the neighbours of a voxel across its edges
_FRONT_MM, _LEVEL_MM = 50.0, 10.0  # behind the frontal pole, and above its level: where the face's part begins
_FACE_MM, _FACE_BELOW_MM = 12.0, (22.0, 62.0)  # behind the pole, and below its level: eyes, nose and cheeks alone
# Shares of the face that must be gone by at least two estimates: of all of it, and of what it is known by. A right cut
# keeps a rim of the second.
_GONE, _KNOWN_GONE = 0.95, 0.94
_NO_FACE_ML = 15.0  # less tissue than this where the face is known by shows none: fat is dark in diffusion
_CUT_ML = 3.0  # brain that may be gone by the same estimates
_INSIDE_MM, _OUTSIDE_MM = 8.0, 13.0  # of a profile
_SAME = (0.6, 1.4)  # of the brightness just inside the surface: what may still be the same tissue
_END_MM = 5.0  # from the middle of a surface voxel to the end of its tissue, where the estimate is right
_LATE = 0.35  # share of profiles that may end later: vessels and thin bone
_FEW = 20  # profiles that say nothing


def frontal_pole(kept: Mask, y: Voxels, z: Voxels) -> tuple[float, float]:
    """How far forward the brain reaches, and at which height; RAS mm."""
    front = np.broadcast_to(y, kept.shape)
    pole = float(np.percentile(front[kept], 99.7))
    foremost = kept & (front > pole - 9.0)
    return pole, float(np.median(np.broadcast_to(z, kept.shape)[foremost])) if foremost.any() else 0.0


def face_zone(kept: Mask, y: Voxels, z: Voxels) -> Mask:
    """In front of and below the frontal lobes."""
    pole, level = frontal_pole(kept, y, z)
    return np.asarray((np.broadcast_to(y, kept.shape) > pole - _FRONT_MM) & (z < level + _LEVEL_MM))


def by_estimates(beyond: Mask, estimates: list[Mask], head: Mask, y: Voxels, z: Voxels) -> bool:
    """By each estimate that was outvoted or not: the face is gone, and the brain is whole.

    The face is asked for twice: all of it but what lies close to the brain, and what a face is known by, up to the
    brain itself. An estimate that takes the fluid around the brain for brain keeps a rim that only the second sees.
    """
    good = 0
    for brain in estimates:
        far = head & face_zone(brain, y, z) & ~dilated(brain, 2 * SKIN_MM)
        near = head & _known_by(brain, y, z) & ~brain
        gone = _share(far, beyond) >= _GONE and (_share(near, beyond) >= _KNOWN_GONE or _ml(near) < _NO_FACE_ML)
        good += gone and _ml(brain & beyond) <= _CUT_ML
    return good >= 2


def _share(part: Mask, beyond: Mask) -> float:
    """Of the part, that which is taken away; 1 of nothing."""
    return float((part & beyond).sum()) / float(part.sum()) if part.any() else 1.0


def _ml(part: Mask) -> float:
    return float(part.sum()) * WORK_MM**3 / 1000


def _known_by(kept: Mask, y: Voxels, z: Voxels) -> Mask:
    """Eyes, nose and cheeks."""
    pole, level = frontal_pole(kept, y, z)
    above, below = _FACE_BELOW_MM
    return np.asarray((np.broadcast_to(y, kept.shape) > pole - _FACE_MM) & (z < level - above) & (z > level - below))


def ends_where_it_says(small: Volume, kept: Mask) -> bool:
    """Whether the image itself ends the brain at the estimate's surface, over the front of the frontal lobes.

    The orbits are not asked: their thin roof does not part them from the brain at this resolution.
    """
    inward, normals = _frontal_surface(small, kept)
    if inward.shape[1] < _FEW:
        return False
    steps = np.arange(-_INSIDE_MM, _OUTSIDE_MM)
    at = inward[:, None, :] + normals[:, None, :] * (steps[None, :, None] / WORK_MM)
    profiles = map_coordinates(small.voxels, at.reshape(3, -1), order=1, mode="nearest").reshape(steps.size, -1)
    profiles = profiles - darkest(small)
    inside = np.maximum(np.median(profiles[steps < -2.0], axis=0), 1e-6)
    other = (profiles < _SAME[0] * inside) | (profiles > _SAME[1] * inside)
    other &= (steps >= 0)[:, None]
    end = np.where(other.any(0), steps[other.argmax(0)], _OUTSIDE_MM)
    return float(np.median(end)) <= _END_MM and float((end > _END_MM).mean()) <= _LATE


def _frontal_surface(small: Volume, kept: Mask) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Voxel indices [3, N] of the surface and the normals [3, N] that point outwards there."""
    _, y, z = small.world()
    pole, level = frontal_pole(kept, y, z)
    slopes = -np.stack(np.gradient(gaussian_filter(kept.astype(np.float32), 1.2)))
    normals = slopes / np.maximum(np.sqrt(np.square(slopes).sum(0)), 1e-6)
    surface = kept & ~eroded(kept, WORK_MM)
    surface &= (np.broadcast_to(y, kept.shape) > pole - _FRONT_MM) & (np.abs(z - level - 2.5) < _LEVEL_MM + 2.5)
    surface &= (normals[1] > -0.2) & (normals[2] > -0.5)
    return np.argwhere(surface).T.astype(np.float64), normals[:, surface]
