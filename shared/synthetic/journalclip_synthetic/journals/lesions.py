"""Where a head lesion lies and what it is made of.

A lesion is a list of layers (tissue name, shape), painted in order, and what it does to its surroundings: how far it
pushes the midline and how wide the ventricles are. Its size follows the millimetres that the caption states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.shapes import Grid, Plane2D, blob, ellipse, inside, noise
from journalclip_synthetic.journals.skull import outline

HALF_HEAD_MM = 85.0  # head coordinates run to 1 at about this distance from the centre


@dataclass(frozen=True)
class Lesion:
    """What is painted, and its mass effect."""

    layers: tuple[tuple[str, Plane2D], ...] = ()
    push: float = 0.0
    ventricles: float = 1.0
    centre: tuple[float, float] | None = None


def draw_lesion(facts: CaseFacts, grid: Grid, rng: np.random.Generator) -> Lesion:
    """The lesion of ``facts`` on ``grid``."""
    if facts.lesion == "normal":
        return Lesion()
    if facts.lesion == "hydrocephalus":
        return Lesion(ventricles=float(rng.uniform(2.0, 2.6)))
    if facts.lesion == "metastases":
        return _metastases(facts, grid, rng)
    mm = facts.size_mm or 20
    layers = _layers(facts, grid, mm / HALF_HEAD_MM, rng)
    if facts.stage == "postoperative":
        layers = _after_surgery(facts, grid, rng)
    push = -side_sign(facts) * (0.12 if facts.shift else 0.0)
    return Lesion(layers, push, 0.8 if facts.shift else 1.0, lesion_centre(facts))


def side_sign(facts: CaseFacts) -> int:
    """+1 where the lesion lies on the right of the image: the patient's left."""
    return {"left": 1, "right": -1}.get(facts.side or "", 0)


def lesion_centre(facts: CaseFacts) -> tuple[float, float]:
    """The middle of a lobe in this plane."""
    s, site = side_sign(facts), facts.site or "parietal"
    if facts.plane == "sagittal":
        return {"frontal": (-0.52, -0.26), "parietal": (0.16, -0.5), "temporal": (-0.12, 0.12)}.get(site, (0.58, -0.16))
    if facts.plane == "coronal":
        return {"frontal": (0.24 * s, -0.5), "parietal": (0.44 * s, -0.34), "temporal": (0.46 * s, 0.22)}.get(
            site, (0.26 * s, 0.34)
        )
    return {"frontal": (0.28 * s, -0.5), "parietal": (0.4 * s, 0.2), "temporal": (0.46 * s, -0.12)}.get(
        site, (0.26 * s, 0.55)
    )


def _bearing(facts: CaseFacts) -> float:
    """Angle from the centre of the head to the lesion."""
    x, y = lesion_centre(facts)
    return float(np.arctan2(y + (0.2 if facts.plane == "sagittal" else 0.0), x))


def _sector(facts: CaseFacts, grid: Grid, half_width: float) -> Plane2D:
    """Points within ``half_width`` radians of the lesion's bearing, as a margin."""
    y = grid.y + np.float32(0.2 if facts.plane == "sagittal" else 0.0)
    off = np.angle(np.exp(1j * (np.arctan2(y, grid.x) - _bearing(facts)))).astype(np.float32)
    margin: Plane2D = np.float32(half_width) - np.abs(off)
    return margin


def _layers(facts: CaseFacts, grid: Grid, size: float, rng: np.random.Generator) -> tuple[tuple[str, Plane2D], ...]:
    if facts.lesion in ("subdural", "epidural"):
        return (("blood", _collection(facts, grid, size)),)
    cx, cy = lesion_centre(facts)
    if facts.lesion == "infarct":
        wedge = np.minimum(inside(_sector(facts, grid, 0.35 + 0.5 * size)), inside(outline(facts, grid) - 0.34))
        return (("infarct", wedge * np.clip(0.85 + 0.15 * noise(wedge.shape, 12, rng), 0, 1)),)
    if facts.lesion in ("meningioma", "cyst"):
        cx, cy = 1.25 * cx, 1.25 * cy  # these sit against the skull
    body = blob(grid, cx, cy, size / 2 * 1.25, rng)
    parts: list[tuple[str, Plane2D]] = []
    if facts.oedema:
        parts.append(("oedema", blob(grid, cx, cy, size / 2 + 0.2, rng, 0.4)))
    name = {"haemorrhage": "blood", "meningioma": "tumour", "cyst": "cyst"}.get(facts.lesion, "rim")
    parts.append((name, body))
    if name == "rim":
        parts.append(("core", blob(grid, cx, cy, size / 2 * (0.8 if facts.lesion == "glioma" else 1.0), rng, 0.15)))
    return tuple(parts)


def _collection(facts: CaseFacts, grid: Grid, thickness: float) -> Plane2D:
    """Blood between skull and brain: a long crescent (subdural) or a short lens (epidural)."""
    r = outline(facts, grid)
    depth = 0.85 - r
    half_width = 1.05 if facts.lesion == "subdural" else 0.5
    sector = np.clip(_sector(facts, grid, half_width) / np.float32(half_width), 0, 1)
    bulge = np.sqrt(sector) if facts.lesion == "subdural" else 1.9 * sector
    return inside(np.float32(thickness * 1.2) * bulge - depth) * inside(sector - 0.02)


def _after_surgery(facts: CaseFacts, grid: Grid, rng: np.random.Generator) -> tuple[tuple[str, Plane2D], ...]:
    """A cavity, or a thin remnant, and a little air."""
    if facts.lesion in ("subdural", "epidural"):
        return (("air", _collection(facts, grid, 0.05)),)
    cx, cy = lesion_centre(facts)
    return (
        ("cyst", blob(grid, 1.15 * cx, 1.15 * cy, 0.2, rng)),
        ("air", ellipse(grid, 1.3 * cx, 1.3 * cy, 0.06, 0.04)),
    )


def _metastases(facts: CaseFacts, grid: Grid, rng: np.random.Generator) -> Lesion:
    size = (facts.size_mm or 16) / HALF_HEAD_MM / 2
    layers: list[tuple[str, Plane2D]] = []
    for _ in range(int(rng.integers(4, 8))):
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.58)
        cx, cy = float(far * np.cos(angle)), float(far * np.sin(angle)) - (0.2 if facts.plane == "sagittal" else 0)
        r = size * float(rng.uniform(0.4, 0.9))
        if facts.oedema:
            layers.append(("oedema", blob(grid, cx, cy, r + 0.08, rng, 0.3)))
        layers.append(("tumour", blob(grid, cx, cy, r, rng)))
    return Lesion(tuple(layers))


def cranium_gap(facts: CaseFacts, grid: Grid, whole: bool = False) -> list[Plane2D]:
    """The saw cuts of a craniotomy over the lesion; the whole flap's sector if ``whole``."""
    outer, inner = _sector(facts, grid, 0.55), _sector(facts, grid, 0.42)
    if whole:
        return [inside(outer)]
    return [np.minimum(inside(outer), 1 - inside(inner))]
