"""The head phantom: which tissue is at every point of a grid, from ellipsoids in millimetres.

Scalp, skull, CSF, folded cortex, white matter, deep nuclei, ventricles, eyes, a face with a nose, and a neck. A lesion
is painted over them and never leaves the skull.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from journalclip_synthetic.studies.signals import CODE
from journalclip_synthetic.studies.truth import KINDS, LesionTruth, Point

Field: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.uint8]

SCALP: Point = (77.0, 96.0, 88.0)  # half-axes of the cranium with its scalp, mm
_SKULL, _BRAIN, _CORTEX, _WHITE = 0.94, 0.88, 0.85, 0.71  # elliptic radii, 1 on the scalp

Coordinates: TypeAlias = tuple[Field, Field, Field]


def head_coordinates(shape: tuple[int, int, int], affine: NDArray[np.float64], rng: np.random.Generator) -> Coordinates:
    """Millimetres of an average head at every voxel: world coordinates under a random pose and head size."""
    i, j, k = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    world = [affine[r, 0] * i + affine[r, 1] * j + affine[r, 2] * k + affine[r, 3] for r in range(3)]
    yaw, roll, pitch = rng.normal(0, 0.05, 3)
    turn = _rotation(yaw, roll, pitch)
    size, shift = rng.normal(1, 0.035, 3), rng.normal(0, 3, 3)
    moved = [world[axis] - shift[axis] for axis in range(3)]
    return tuple(  # type: ignore[return-value]  # three rows give three fields
        np.asarray(sum(turn[row, axis] * moved[axis] for axis in range(3)) / size[row], np.float32) for row in range(3)
    )


def draw_tissue(at: Coordinates, lesion: LesionTruth | None, rng: np.random.Generator) -> Labels:
    """Tissue codes of `signals.TISSUES`."""
    x, y, z = at
    r = radius(at, (0, 0, 0), SCALP)
    tissue = np.full(r.shape, CODE["air"], np.uint8)
    _below(tissue, at)
    tissue[r < 1] = CODE["scalp"]
    tissue[r < _SKULL] = CODE["bone"]
    brain = r < _BRAIN
    tissue[brain] = CODE["csf"]
    folds = 0.022 * np.sin(x / 4.1 + rng.uniform(0, 6)) * np.sin(y / 4.6 + rng.uniform(0, 6)) * np.sin(z / 4.3 + 1)
    tissue[r < _CORTEX + folds] = CODE["grey"]
    tissue[r < _WHITE + 3 * folds] = CODE["white"]
    push = _push(lesion)
    pushed = (x - push, y, z)
    wide = float(rng.uniform(0.85, 1.2))
    for side in (-1, 1):
        tissue[radius(pushed, (side * 25, 8, 2), (9, 18, 13)) < 1] = CODE["deep"]
        tissue[radius(pushed, (side * 13, -16, 2), (9, 13, 10)) < 1] = CODE["deep"]
        tissue[radius(pushed, (side * 13, 8, 14), (7 * wide, 32, 9 * wide)) < 1] = CODE["csf"]
        tissue[radius(pushed, (side * 22, -32, 8), (7 * wide, 20, 8 * wide)) < 1] = CODE["csf"]
    tissue[radius(pushed, (0, -2, -5), (3.5 * wide, 14, 10)) < 1] = CODE["csf"]
    tissue[radius(pushed, (0, -38, -40), (7, 6, 8)) < 1] = CODE["csf"]
    tissue[brain & (np.abs(x - push) < 1.5) & (np.abs(y) > 44) & (z > -10)] = CODE["csf"]
    if lesion is not None:
        _paint(tissue, at, lesion, r < _CORTEX + 0.02, rng)
    return tissue


def radius(at: Coordinates, centre: Point, axes: Point) -> Field:
    """Elliptic radius: 1 on the ellipsoid."""
    total = sum(((c - np.float32(m)) / np.float32(a)) ** 2 for c, m, a in zip(at, centre, axes, strict=True))
    return np.sqrt(np.asarray(total, np.float32))


def face(at: Coordinates) -> NDArray[np.bool_]:
    """Nose, cheeks, chin and eyes: what could be recognised; none of the brain."""
    _, y, z = at
    front = (y > 40) & (z < -8)
    return front & (radius(at, (0, 0, 0), SCALP) > _SKULL * 0.99)


def _below(tissue: Labels, at: Coordinates) -> None:
    x, y, z = at
    soft = radius(at, (0, 58, -62), (50, 42, 62)) < 1
    soft |= radius(at, (0, 104, -50), (13, 17, 21)) < 1
    soft |= (radius((x, y, np.zeros_like(z)), (0, -12, 0), (54, 58, 1)) < 1) & (z < -55)
    tissue[soft] = CODE["scalp"]
    tissue[radius(at, (0, 74, -52), (16, 18, 12)) < 1] = CODE["air"]  # sinuses
    for side in (-1, 1):
        tissue[radius(at, (side * 31, 82, -36), (12, 12, 12)) < 1] = CODE["eye"]


def _push(lesion: LesionTruth | None) -> float:
    if lesion is None or lesion.mass_effect is None:
        return 0.0
    shift = 9.0 if lesion.mass_effect == "marked" else 4.0
    return shift if lesion.side == "left" else -shift


def _paint(
    tissue: Labels, at: Coordinates, lesion: LesionTruth, room: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    kind, half = KINDS[lesion.kind], lesion.size_mm / 2
    axes = half * rng.uniform(0.85, 1.15, 3)
    x, y, z = (c - np.float32(m) for c, m in zip(at, lesion.centre, strict=True))
    wobble = 1 + 0.14 * np.sin(x / half * 2.3 + rng.uniform(0, 6)) * np.sin(y / half * 2.1 + z / half * 1.7)
    r = radius(at, lesion.centre, (float(axes[0]), float(axes[1]), float(axes[2]))) * np.asarray(wobble, np.float32)
    if lesion.oedema:
        wide = 1 + 12 / half
        spread = room & (r < wide) & (tissue != CODE["csf"]) & (tissue != CODE["grey"])
        tissue[spread] = CODE["oedema"]
    tissue[room & (r < 1)] = CODE[kind.body]
    if kind.core is not None:
        tissue[room & (r < 0.66)] = CODE[kind.core]


def _rotation(yaw: float, roll: float, pitch: float) -> NDArray[np.float64]:
    def plane(a: int, b: int, angle: float) -> NDArray[np.float64]:
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        return turn

    return plane(0, 1, yaw) @ plane(0, 2, roll) @ plane(1, 2, pitch)
