"""Face removal: what lies in front of and below the brain is taken away, and what was done is checked.

The brain is estimated three times with other thresholds and other depths of erosion (tissue that the dark skull parts
from scalp and orbits), and the vote of the three counts; estimates that disagree, or have no brain's size, are not
trusted, and the caller leaves the series out. Two parts are taken: everything beyond one oblique plane that no brain
crosses (Quickshear, Schimke and Hale, 2011, has this idea), and, in front and below the frontal lobes, everything more
than 3.6 mm outside the brain, which no plane reaches. A picture of before and after is made for review.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import (
    affine_transform,
    binary_closing,
    binary_dilation,
    binary_erosion,
    binary_fill_holes,
    gaussian_filter,
    label,
    map_coordinates,
    zoom,
)

from journalclip_sources.studies.volume import Volume, Voxels

_WORK_MM = 2.5  # masks are made at this resolution
_MARGIN_MM = 4.0  # between brain and plane
_SKIN_MM = 3.6  # around the brain, in front of and below it: the neighbours of a voxel across its edges
_BRAIN_ML = (700.0, 2100.0)
_ANGLES = np.radians(np.arange(20, 66, 3))  # below the horizon
_ESTIMATES = ((0.65, 1.6, 6.0), (0.55, 1.7, 9.0), (0.65, 1.6, 4.5))  # of brain's brightness: from, to; erosion in mm
_AGREE = 0.9  # Dice of two estimates that are one brain
_CORE_MM = (72.0, 40.0)  # below the head's top, and the radius, of what is brain for certain
_FRONT_MM, _LEVEL_MM = 50.0, 10.0  # behind the frontal pole, and above its level: where the face's part begins
_COARSE_MM = 5.0  # two axes coarser than this show no face
_GONE = 0.95  # share of the face that must be gone by the second estimate as well
_CUT_ML = 3.0  # brain that may be gone by the second estimate

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class HeadFound:
    """In RAS millimetres. ``brain`` False: the estimates do not agree on a brain, and the head's own shape stands in.

    ``beyond`` is what a face's removal takes, on a grid of `_WORK_MM` with its ``affine``.
    """

    centre: tuple[float, float, float]
    brain: bool
    beyond: Mask = field(repr=False)
    affine: NDArray[np.float64] = field(repr=False)


def shows_a_face(volume: Volume) -> bool:
    """Whether the voxels are fine enough to show one."""
    return sorted(volume.spacing)[1] <= _COARSE_MM


def find_head(volume: Volume) -> HeadFound | None:
    """Where the brain is and what to take away; None where no head is seen."""
    small = _iso(volume)
    head = _head(small.voxels)
    if head is None:
        return None
    x, y, z = small.world()
    estimates = _estimates(small, head)
    known = len(estimates) >= 2 and _agree(estimates)
    kept = _vote(estimates) if known else _upper(head, z)
    if not kept.any():
        return None
    centre = _middle(kept, x), _middle(kept, y), _middle(kept, z)
    beyond = _beyond_plane(kept, head, y, z)
    if known:
        beyond |= _in_front(kept, y, z)
        known = _checked(beyond, estimates, head, y, z)
    return HeadFound(centre, known, beyond, small.affine)


def remove_face(volume: Volume, found: HeadFound) -> Volume:
    """All voxels of the face's part are the darkest value."""
    to_mask = np.linalg.inv(found.affine) @ volume.affine
    i, j, _ = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in volume.voxels.shape), indexing="ij", sparse=True)
    beyond = found.beyond.astype(np.float32)
    voxels = volume.voxels.copy()
    dark = voxels.min()
    for n in range(volume.voxels.shape[2]):  # a slice at a time: coordinates of a whole volume are four volumes
        at = [
            np.asarray(to_mask[r, 0] * i[:, :, 0] + to_mask[r, 1] * j[:, :, 0] + to_mask[r, 2] * n + to_mask[r, 3])
            for r in range(3)
        ]
        taken = map_coordinates(beyond, at, order=1, mode="nearest") > 0.5
        voxels[:, :, n][taken] = dark
    return Volume(voxels, volume.affine)


def picture(before: Volume, after: Volume) -> bytes:
    """PNG: profile and front of the head's surface, before on the left, after on the right."""
    panels = [_profile(before), _front(before), _profile(after), _front(after)]
    height = max(panel.shape[0] for panel in panels)
    padded = [np.pad(panel, ((0, height - panel.shape[0]), (4, 4)), constant_values=20) for panel in panels]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(padded, 1)).save(out, "PNG")
    return out.getvalue()


def _iso(volume: Volume) -> Volume:
    """In RAS order, smoothed and resampled to cubes of `_WORK_MM`."""
    spacing = volume.spacing
    sigma = [0.42 * _WORK_MM / each if each < _WORK_MM else 0.0 for each in spacing]
    smooth = gaussian_filter(volume.voxels, sigma) if any(sigma) else volume.voxels
    ends = [(0, side - 1) for side in volume.voxels.shape]
    corners = np.array([[i, j, k, 1.0] for i in ends[0] for j in ends[1] for k in ends[2]]) @ volume.affine.T
    low, high = corners[:, :3].min(0), corners[:, :3].max(0)
    shape = tuple(max(1, min(160, int((b - a) // _WORK_MM) + 1)) for a, b in zip(low, high, strict=True))
    affine = np.diag([_WORK_MM, _WORK_MM, _WORK_MM, 1.0])
    affine[:3, 3] = low
    matrix = np.linalg.inv(volume.affine) @ affine
    voxels = affine_transform(
        smooth, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=1, cval=float(volume.voxels.min())
    )
    return Volume(voxels, affine)


def _head(voxels: Voxels) -> Mask | None:
    top = float(np.percentile(voxels, 98))
    base = float(np.percentile(voxels, 5))
    if top <= base:
        return None
    mask = binary_closing(voxels > base + 0.14 * (top - base), iterations=1)
    mask = _largest(mask)
    filled = np.stack([binary_fill_holes(mask[:, :, k]) for k in range(mask.shape[2])], -1)
    return filled if filled.sum() > 50 else None


def _estimates(small: Volume, head: Mask) -> list[Mask]:
    """Brains of plausible size by each of `_ESTIMATES`."""
    core = _core(small, head)
    base = float(np.percentile(small.voxels, 5))
    if not core.any():
        return []
    bright = float(np.median(small.voxels[core])) - base
    if bright <= 0:
        return []
    found = []
    for low, high, depth in _ESTIMATES:
        tissue = head & (small.voxels > base + low * bright) & (small.voxels < base + high * bright)
        brain = _parted(tissue, core, head, depth)
        if brain is not None and _BRAIN_ML[0] <= float(brain.sum()) * _WORK_MM**3 / 1000 <= _BRAIN_ML[1]:
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
    numbered, count = label(binary_erosion(tissue, _ball(depth)))
    if not count:
        return None
    sizes = np.bincount(numbered[core], minlength=count + 1)[1:]
    if not sizes.any():
        return None
    brain = binary_dilation(numbered == int(sizes.argmax()) + 1, _ball(depth)) & head
    closed = binary_closing(np.pad(brain, 4), _ball(9.0))[4:-4, 4:-4, 4:-4]
    return np.asarray(binary_fill_holes(closed))


def _agree(estimates: list[Mask]) -> bool:
    """Whether at least two of the estimates are one brain."""
    pairs = [(a, b) for n, a in enumerate(estimates) for b in estimates[n + 1 :]]
    return any(2 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum())) >= _AGREE for a, b in pairs)


def _vote(estimates: list[Mask]) -> Mask:
    """What most of the estimates hold; of two, what both hold."""
    return np.asarray(sum(each.astype(np.uint8) for each in estimates) >= 2)


def _beyond_plane(kept: Mask, head: Mask, y: Voxels, z: Voxels) -> Mask:
    """Of all oblique planes that leave the brain whole with the margin, the one that takes most of the head away."""
    best: tuple[int, Mask] | None = None
    for angle in _ANGLES:
        along = np.broadcast_to(np.cos(angle) * y - np.sin(angle) * z, head.shape)
        beyond = along > float(along[kept].max()) + _MARGIN_MM
        taken = int((head & beyond).sum())
        if best is None or taken > best[0]:
            best = (taken, beyond)
    assert best is not None
    return best[1]


def _zone(kept: Mask, y: Voxels, z: Voxels) -> Mask:
    """In front of and below the frontal lobes."""
    front = np.broadcast_to(y, kept.shape)
    pole = float(np.percentile(front[kept], 99.7))
    foremost = kept & (front > pole - 9.0)
    level = float(np.median(np.broadcast_to(z, kept.shape)[foremost])) if foremost.any() else 0.0
    return np.asarray((front > pole - _FRONT_MM) & (z < level + _LEVEL_MM))


def _in_front(kept: Mask, y: Voxels, z: Voxels) -> Mask:
    return _zone(kept, y, z) & ~binary_dilation(kept, _ball(_SKIN_MM))


def _checked(beyond: Mask, estimates: list[Mask], head: Mask, y: Voxels, z: Voxels) -> bool:
    """By each estimate that was outvoted or not: the face is gone, and the brain is whole."""
    good = 0
    for brain in estimates:
        face = head & _zone(brain, y, z) & ~binary_dilation(brain, _ball(2 * _SKIN_MM))
        gone = float((face & beyond).sum()) >= _GONE * float(face.sum())
        good += gone and float((brain & beyond).sum()) * _WORK_MM**3 / 1000 <= _CUT_ML
    return good >= 2


def _middle(kept: Mask, along: Voxels) -> float:
    return float(np.broadcast_to(along, kept.shape)[kept].mean())


def _upper(head: Mask, z: Voxels) -> Mask:
    """The part of the head above the level of the eyes: what a cut must not touch where the brain is not known."""
    return np.asarray(head & (z > float(np.broadcast_to(z, head.shape)[head].max()) - 95.0))


def _ball(radius: float) -> Mask:
    """Of a radius in mm on the work grid."""
    reach = np.arange(-int(-(-radius // _WORK_MM)), int(-(-radius // _WORK_MM)) + 1) * _WORK_MM
    x, y, z = np.meshgrid(reach, reach, reach, indexing="ij")
    return np.asarray(x**2 + y**2 + z**2 <= radius**2 + 1e-6)


def _largest(mask: Mask) -> Mask:
    numbered, count = label(mask)
    return numbered == int(np.bincount(numbered.ravel())[1:].argmax()) + 1 if count else mask


def _small(volume: Volume) -> Volume:
    """In RAS order and coarse, for pictures."""
    order, flips = _to_ras(volume.affine)
    voxels = np.transpose(volume.voxels, order)
    columns = volume.affine[:3, :3][:, order].copy()
    origin = volume.affine[:3, 3].copy()
    for axis, flip in enumerate(flips):
        if flip:
            voxels = np.flip(voxels, axis)
            origin += columns[:, axis] * (voxels.shape[axis] - 1)
            columns[:, axis] *= -1
    spacing = np.linalg.norm(columns, axis=0)
    steps = [max(1, round(_WORK_MM / each)) for each in spacing]
    voxels = voxels[:: steps[0], :: steps[1], :: steps[2]]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = columns * steps, origin
    return Volume(np.ascontiguousarray(voxels), affine)


def _to_ras(affine: NDArray[np.float64]) -> tuple[list[int], list[bool]]:
    """Which voxel axis runs along x, y and z, and whether it runs backwards."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    order: list[int] = []
    for world in range(3):
        free = [axis for axis in range(3) if axis not in order]
        order.append(max(free, key=lambda axis: abs(directions[world, axis])))
    return order, [bool(directions[world, axis] < 0) for world, axis in enumerate(order)]


def _profile(volume: Volume) -> NDArray[np.uint8]:
    """The middle sagittal slice, face to the left."""
    small = _small(volume)
    plane = small.voxels[small.voxels.shape[0] // 2].T[::-1, ::-1]
    return _shown(plane, small.spacing[2], small.spacing[1])


def _front(volume: Volume) -> NDArray[np.uint8]:
    """The surface seen from the front: brighter is nearer."""
    small = _small(volume)
    top = float(np.percentile(small.voxels, 98)) or 1.0
    solid = small.voxels[:, ::-1] > 0.2 * top
    depth = np.where(solid.any(1), solid.argmax(1), solid.shape[1]).astype(np.float32)
    plane = (solid.shape[1] - depth).T[::-1, ::-1]
    return _shown(plane, small.spacing[2], small.spacing[0])


def _shown(plane: NDArray[np.float32], rows_mm: float, columns_mm: float) -> NDArray[np.uint8]:
    scaled = zoom(plane, (rows_mm, columns_mm), order=1)
    top = float(np.percentile(scaled, 99.5)) or 1.0
    shown: NDArray[np.uint8] = (np.clip(scaled / top, 0, 1) * 255).astype(np.uint8)
    return shown
