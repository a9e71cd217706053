"""Head CT and MRI in three planes, drawn from tissue maps.

The same anatomy is drawn for every modality and only the brightness of each tissue changes, as in a scanner: CSF is
dark on CT, T1 and FLAIR and bright on T2; fresh blood is bright on CT; contrast makes rims bright on T1 only.
"""

from __future__ import annotations

import numpy as np

from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.lesions import Lesion, cranium_gap, draw_lesion
from journalclip_synthetic.journals.shapes import (
    Drawing,
    Grid,
    Plane2D,
    blend,
    ellipse,
    inside,
    noise,
    pixel_of,
    posed_grid,
)
from journalclip_synthetic.journals.skull import outline

# Brightness of each tissue, 0 black to 1 white, as the usual window or weighting shows it.
TISSUES: dict[str, dict[str, float]] = {
    "CT": {"scalp": 0.36, "bone": 0.97, "csf": 0.2, "grey": 0.47, "white": 0.4, "oedema": 0.29, "blood": 0.82,
           "tumour": 0.55, "rim": 0.62, "core": 0.3, "cyst": 0.18, "infarct": 0.25, "air": 0.02},
    "T1": {"scalp": 0.8, "bone": 0.06, "csf": 0.13, "grey": 0.42, "white": 0.58, "oedema": 0.33, "blood": 0.78,
           "tumour": 0.36, "rim": 0.44, "core": 0.22, "cyst": 0.12, "infarct": 0.3, "air": 0.02},
    "T1C": {"scalp": 0.75, "bone": 0.06, "csf": 0.12, "grey": 0.4, "white": 0.5, "oedema": 0.3, "blood": 0.7,
            "tumour": 0.95, "rim": 0.98, "core": 0.2, "cyst": 0.12, "infarct": 0.3, "air": 0.02},
    "T2": {"scalp": 0.62, "bone": 0.05, "csf": 0.96, "grey": 0.5, "white": 0.34, "oedema": 0.76, "blood": 0.22,
           "tumour": 0.66, "rim": 0.5, "core": 0.86, "cyst": 0.97, "infarct": 0.78, "air": 0.02},
    "FLAIR": {"scalp": 0.55, "bone": 0.05, "csf": 0.07, "grey": 0.46, "white": 0.37, "oedema": 0.86, "blood": 0.72,
              "tumour": 0.74, "rim": 0.66, "core": 0.34, "cyst": 0.08, "infarct": 0.84, "air": 0.02},
    "DWI": {"scalp": 0.1, "bone": 0.04, "csf": 0.06, "grey": 0.38, "white": 0.32, "oedema": 0.36, "blood": 0.3,
            "tumour": 0.5, "rim": 0.45, "core": 0.97, "cyst": 0.06, "infarct": 0.98, "air": 0.02},
}  # fmt: skip
NOISE = {"CT": 0.035, "T1": 0.025, "T1C": 0.025, "T2": 0.025, "FLAIR": 0.03, "DWI": 0.05}


def draw_head(facts: CaseFacts, height: int, width: int, rng: np.random.Generator) -> Drawing:
    """Shape (height, width). Left of the patient is on the right of the image."""
    grid = posed_grid(height, width, rng)
    tissue = TISSUES[facts.sequence or "CT"]
    lesion = draw_lesion(facts, grid, rng)
    canvas = np.full((height, width), tissue["air"], np.float32)
    brain = _cranium(canvas, facts, grid, tissue)
    _parenchyma(canvas, facts, grid, tissue, brain, lesion, rng)
    for name, shape in lesion.layers:
        blend(canvas, np.minimum(shape, brain), tissue[name] + 0.03 * noise((height, width), 14, rng))
    if facts.stage == "postoperative":
        _craniotomy(canvas, facts, grid, tissue)
    target = None if lesion.centre is None else pixel_of(grid, *lesion.centre)
    return Drawing(_scanned(canvas, facts, rng), target)


def _cranium(canvas: Plane2D, facts: CaseFacts, grid: Grid, tissue: dict[str, float]) -> Plane2D:
    """Scalp, skull and what hangs below them; returns the room for the brain."""
    r = outline(facts, grid)
    if facts.plane == "sagittal":
        blend(canvas, ellipse(grid, -0.5, 0.42, 0.36, 0.46, 0.3), tissue["scalp"] * 0.8)  # face
        blend(canvas, ellipse(grid, 0.22, 0.8, 0.24, 0.6), tissue["scalp"] * 0.7)  # neck
        blend(canvas, ellipse(grid, -0.66, 0.3, 0.13, 0.1), tissue["air"])  # sinuses
    elif facts.plane == "coronal":
        blend(canvas, ellipse(grid, 0, 0.86, 0.5, 0.5), tissue["scalp"] * 0.7)
        for side in (-1, 1):
            blend(canvas, ellipse(grid, 0.36 * side, 0.78, 0.09, 0.07), tissue["air"])  # mastoids
    blend(canvas, inside(1 - r), tissue["scalp"])
    blend(canvas, inside(0.93 - r), tissue["bone"])
    brain = inside(0.85 - r)
    blend(canvas, brain, tissue["csf"])
    return brain


def _parenchyma(
    canvas: Plane2D,
    facts: CaseFacts,
    grid: Grid,
    tissue: dict[str, float],
    brain: Plane2D,
    lesion: Lesion,
    rng: np.random.Generator,
) -> None:
    r = outline(facts, grid)
    pushed = Grid(grid.x - np.float32(lesion.push), grid.y)
    folds = 0.035 * np.sin(np.arctan2(grid.y, grid.x) * int(rng.integers(26, 38))) + 0.02 * noise(r.shape, 24, rng)
    grey = np.minimum(brain, inside(0.825 + folds - r))
    blend(canvas, grey, tissue["grey"])
    blend(canvas, np.minimum(brain, inside(0.7 + 1.6 * folds - r)), tissue["white"])
    for shape in _deep_nuclei(facts, pushed):
        blend(canvas, np.minimum(brain, shape), tissue["grey"])
    for shape in _ventricles(facts, pushed, lesion.ventricles):
        blend(canvas, np.minimum(brain, shape), tissue["csf"])
    if facts.plane != "sagittal":
        near: Plane2D = np.abs(pushed.x)
        far: Plane2D = np.abs(grid.y)
        falx = np.minimum(inside(0.012 - near), inside(far - 0.34))
        blend(canvas, np.minimum(brain, falx), max(tissue["csf"], 0.45 if facts.modality == "CT" else 0.0))


def _deep_nuclei(facts: CaseFacts, grid: Grid) -> list[Plane2D]:
    if facts.plane == "sagittal":
        return [ellipse(grid, 0.4, 0.36, 0.3, 0.19), ellipse(grid, 0.12, 0.36, 0.1, 0.22), _callosum(grid)]
    y = 0.02 if facts.plane == "axial" else 0.08
    return [ellipse(grid, side * 0.26, y, 0.1, 0.17, side * 0.2) for side in (-1, 1)]


def _callosum(grid: Grid) -> Plane2D:
    return np.minimum(ellipse(grid, -0.02, 0.0, 0.42, 0.2), 1 - ellipse(grid, -0.02, 0.06, 0.36, 0.16))


def _ventricles(facts: CaseFacts, grid: Grid, size: float) -> list[Plane2D]:
    k = size
    if facts.plane == "axial":
        front = [ellipse(grid, s * 0.11 * k**0.5, -0.2, 0.06 * k, 0.2 * k**0.5, s * 0.35) for s in (-1, 1)]
        back = [ellipse(grid, s * 0.19 * k**0.4, 0.26, 0.07 * k, 0.19 * k**0.5, -s * 0.45) for s in (-1, 1)]
        return [*front, *back, ellipse(grid, 0, 0.06, 0.025 * k, 0.12)]
    if facts.plane == "coronal":
        horns = [ellipse(grid, s * 0.13 * k**0.4, -0.16, 0.16 * k**0.5, 0.07 * k, s * 0.5) for s in (-1, 1)]
        return [*horns, ellipse(grid, 0, 0.06, 0.03 * k, 0.13)]
    return [ellipse(grid, 0.0, 0.0, 0.3 * k**0.5, 0.07 * k), ellipse(grid, 0.26, 0.36, 0.07 * k, 0.09)]


def _craniotomy(canvas: Plane2D, facts: CaseFacts, grid: Grid, tissue: dict[str, float]) -> None:
    """A bone flap with two saw cuts and bright plates over them."""
    r = outline(facts, grid)
    bone = inside(0.99 - r) * inside(r - 0.83)
    for cut in cranium_gap(facts, grid):
        blend(canvas, np.minimum(bone, cut), tissue["scalp"] * 0.6)
    flap = cranium_gap(facts, grid, whole=True)[0]
    blend(canvas, np.minimum(inside(1.07 - r) * inside(r - 0.95), flap), 0.5)  # swollen scalp


def _scanned(canvas: Plane2D, facts: CaseFacts, rng: np.random.Generator) -> Plane2D:
    """Noise, coil shading and a radiographer's choice of brightness."""
    h, w = canvas.shape
    canvas += NOISE[facts.sequence or "CT"] * rng.standard_normal((h, w), np.float32)
    if facts.modality == "MRI":
        canvas *= 1 + 0.06 * noise((h, w), 3, rng)
    contrast, level = np.float32(rng.uniform(0.88, 1.12)), np.float32(rng.uniform(0.46, 0.54))
    shown: Plane2D = np.clip((canvas - 0.5) * contrast + level, 0, 1)
    return shown
