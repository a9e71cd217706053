"""The outline of the cranium in each plane: what the head and every lesion against the skull agree on."""

from __future__ import annotations

from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.shapes import Grid, Plane2D, radius


def outline(facts: CaseFacts, grid: Grid) -> Plane2D:
    """Elliptic radius of the cranium in this plane: 1 on the scalp."""
    if facts.plane == "axial":
        return radius(grid, 0, 0, 0.76, 0.94)
    if facts.plane == "coronal":
        return radius(grid, 0, -0.08, 0.78, 0.84)
    return radius(grid, -0.02, -0.2, 0.93, 0.72)
