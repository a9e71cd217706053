"""Face removal: what lies in front of and below the brain is taken away, and what was done is checked.

`brain` estimates the brain three times, and the vote of the three counts. Where the estimates disagree or
`face_verification` finds brain cut or face left, other thresholds are tried, and after them the caller leaves the
series out. Two parts are taken: everything beyond one oblique plane that no brain
crosses (Quickshear, Schimke and Hale, 2011, has this idea), and, in front and below the frontal lobes, everything more
than `SKIN_MM` outside the brain, which no plane reaches. A picture of before and after is made for review.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates, zoom

from journalclip_sources.studies.deidentify.brain import (
    NARROW,
    WIDE,
    WORK_MM,
    Mask,
    Thresholds,
    agreeing,
    brain_estimates,
    dilated,
    head_mask,
    vote,
    work_volume,
)
from journalclip_sources.studies.deidentify.face_verification import (
    SKIN_MM,
    by_estimates,
    ends_where_it_says,
    face_zone,
)
from journalclip_sources.studies.volume import Volume, Voxels

_MARGIN_MM = 4.0  # between brain and plane
_ANGLES = np.radians(np.arange(20, 66, 3))  # below the horizon
_COARSE_MM = 5.0  # two axes coarser than this show no face


@dataclass(frozen=True)
class HeadFound:
    """In RAS millimetres. ``brain`` False: no cut was verified; ``beyond`` must not be used then, ``centre`` may be.

    ``beyond`` is what a face's removal takes, on a grid of `WORK_MM` with its ``affine``. Where no cut was asked for it
    is empty, and ``brain`` says whether the estimates agree.
    """

    centre: tuple[float, float, float]
    brain: bool
    beyond: Mask = field(repr=False)
    affine: NDArray[np.float64] = field(repr=False)


def shows_a_face(volume: Volume) -> bool:
    """Whether the voxels are fine enough to show one."""
    return sorted(volume.spacing)[1] <= _COARSE_MM


def find_head(volume: Volume, cut: bool = True) -> HeadFound | None:
    """Where the brain is and what to take away; None where no head is seen. Without ``cut`` only where it is."""
    small = work_volume(volume)
    head = head_mask(small.voxels)
    if head is None:
        return None
    if not cut:
        return _place(small, head)
    estimated = None
    for thresholds in (NARROW, WIDE):
        found = _estimated(small, head, thresholds)
        if found is not None and found.brain:
            return found
        estimated = estimated or found
    return estimated or _unknown(small, head)


def _place(small: Volume, head: Mask) -> HeadFound | None:
    estimates = brain_estimates(small, head, NARROW)
    if len(estimates) < 2 or not agreeing(estimates):
        return _unknown(small, head)
    return HeadFound(_centre(small, vote(estimates)), True, np.zeros_like(head), small.affine)


def _estimated(small: Volume, head: Mask, thresholds: Thresholds) -> HeadFound | None:
    """By these thresholds; ``brain`` says whether the cut was verified. None where the estimates disagree."""
    _, y, z = small.world()
    estimates = brain_estimates(small, head, thresholds)
    if len(estimates) < 2 or not agreeing(estimates):
        return None
    kept = vote(estimates)
    beyond = _beyond_plane(kept, head, y, z) | _in_front(kept, y, z)
    verified = by_estimates(beyond, estimates, head, y, z) and ends_where_it_says(small, kept)
    return HeadFound(_centre(small, kept), verified, beyond, small.affine)


def _unknown(small: Volume, head: Mask) -> HeadFound | None:
    """The head's own shape in place of the brain."""
    _, y, z = small.world()
    kept = _upper(head, z)
    if not kept.any():
        return None
    return HeadFound(_centre(small, kept), False, _beyond_plane(kept, head, y, z), small.affine)


def _centre(small: Volume, kept: Mask) -> tuple[float, float, float]:
    x, y, z = (float(np.broadcast_to(along, kept.shape)[kept].mean()) for along in small.world())
    return x, y, z


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


def _in_front(kept: Mask, y: Voxels, z: Voxels) -> Mask:
    return np.asarray(face_zone(kept, y, z) & ~dilated(kept, SKIN_MM))


def _upper(head: Mask, z: Voxels) -> Mask:
    """The part of the head above the level of the eyes: what a cut must not touch where the brain is not known."""
    return np.asarray(head & (z > float(np.broadcast_to(z, head.shape)[head].max()) - 95.0))


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
    steps = [max(1, round(WORK_MM / each)) for each in spacing]
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
