"""Face removal by one oblique cut in front of and below the brain, and a picture of before and after for review.

The brain is estimated (tissue that the dark skull parts from the scalp); of all cuts that leave it whole with a margin,
the one that takes most of the head away is made. Quickshear (Schimke and Hale, 2011) has the idea of a plane that no
brain crosses; the estimate and the choice of the angle are ours. The same cut, in millimetres of the scanner, goes
through every series of the study.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_closing, binary_dilation, binary_erosion, binary_fill_holes, label, zoom

from journalclip_sources.studies.volume import Volume, Voxels

_WORK_MM = 3.0  # masks are made at this resolution
_MARGIN_MM = 4.0
_BRAIN_ML = (350.0, 2300.0)
_ANGLES = np.radians(np.arange(20, 66, 3))  # below the horizon

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class HeadFound:
    """In RAS millimetres; ``brain`` False: the brain was not told from the rest, and the head's own shape stands in."""

    centre: tuple[float, float, float]
    normal: tuple[float, float, float]
    offset: float
    brain: bool


def find_head(volume: Volume) -> HeadFound | None:
    """Where the brain is and where to cut; None where no head is seen."""
    small = _small(volume)
    head = _head(small.voxels)
    if head is None:
        return None
    x, y, z = small.world()
    brain = _brain(small, head)
    known = brain is not None
    kept = brain if brain is not None else _upper(head, z)
    if not kept.any():
        return None
    centre = (float(x[kept].mean()), float(y[kept].mean()), float(z[kept].mean()))
    best: tuple[int, float, float] | None = None
    for angle in _ANGLES:
        along = np.cos(angle) * y - np.sin(angle) * z
        offset = float(along[kept].max()) + _MARGIN_MM
        taken = int((head & (along > offset)).sum())
        if best is None or taken > best[0]:
            best = (taken, float(angle), offset)
    assert best is not None
    _, angle, offset = best
    return HeadFound(centre, (0.0, float(np.cos(angle)), float(-np.sin(angle))), offset, known)


def remove_face(volume: Volume, found: HeadFound) -> Volume:
    """All voxels beyond the cut are the darkest value."""
    x, y, z = volume.world()
    a, b, c = found.normal
    beyond = a * x + b * y + c * z > found.offset
    return Volume(np.where(beyond, volume.voxels.min(), volume.voxels).astype(np.float32), volume.affine)


def picture(before: Volume, after: Volume) -> bytes:
    """PNG: profile and front of the head's surface, before on the left, after on the right."""
    panels = [_profile(before), _front(before), _profile(after), _front(after)]
    height = max(panel.shape[0] for panel in panels)
    padded = [np.pad(panel, ((0, height - panel.shape[0]), (4, 4)), constant_values=20) for panel in panels]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(padded, 1)).save(out, "PNG")
    return out.getvalue()


def _small(volume: Volume) -> Volume:
    """In RAS order and coarse."""
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


def _head(voxels: Voxels) -> Mask | None:
    top = float(np.percentile(voxels, 98))
    base = float(np.percentile(voxels, 5))
    if top <= base:
        return None
    mask = binary_closing(voxels > base + 0.14 * (top - base), iterations=1)
    mask = _largest(mask)
    filled = np.stack([binary_fill_holes(mask[:, :, k]) for k in range(mask.shape[2])], -1)
    return filled if filled.sum() > 50 else None


def _brain(small: Volume, head: Mask) -> Mask | None:
    """Bright tissue that erosion parts from scalp and face, near the head's upper middle."""
    inside = small.voxels[head]
    bright = head & (small.voxels > 0.3 * float(np.percentile(inside, 90)))
    spacing = np.array(small.spacing)
    ball = _ball(spacing, 4.5)
    parted, count = label(binary_erosion(bright, ball))
    if not count:
        return None
    _, _, z = small.world()
    high = float(np.percentile(z[head], 40))
    sizes = np.bincount(parted[(parted > 0) & (z > high)], minlength=count + 1)
    brain = binary_dilation(parted == int(sizes.argmax()), ball) & head
    brain = np.stack([binary_fill_holes(brain[:, :, k]) for k in range(brain.shape[2])], -1)
    millilitres = float(brain.sum() * spacing.prod() / 1000)
    return brain if _BRAIN_ML[0] <= millilitres <= _BRAIN_ML[1] else None


def _upper(head: Mask, z: Voxels) -> Mask:
    """The part of the head above the level of the eyes: what a cut must not touch where the brain is not known."""
    return head & (z > float(z[head].max()) - 95.0)


def _ball(spacing: NDArray[np.float64], radius: float) -> Mask:
    """Of a radius in mm, and at least one voxel along each axis: without a reach across thick slices, tissue that is
    joined through neighbouring slices only (a brain and a face at the dark skull's thinnest) would never be parted."""
    half = np.maximum(radius, spacing)
    reach = [int(h // s) for h, s in zip(half, spacing, strict=True)]
    axes = np.meshgrid(
        *(np.arange(-n, n + 1) * (s / h) for n, s, h in zip(reach, spacing, half, strict=True)), indexing="ij"
    )
    return np.asarray(sum(axis**2 for axis in axes) <= 1 + 1e-9)


def _largest(mask: Mask) -> Mask:
    numbered, count = label(mask)
    return numbered == int(np.bincount(numbered.ravel())[1:].argmax()) + 1 if count else mask


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
