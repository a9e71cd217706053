"""Catheter angiograms: dark vessels on a light ground, in the anteroposterior and the lateral projection.

Vessels are grown as branching walks and drawn as poly-lines; the finding (aneurysm, malformation, occlusion) sits where
the caption says, and the side decides which way the tree leans in the anteroposterior view.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.shapes import Drawing, noise

Point = tuple[float, float]
# Stems from the carotid siphon outward, x to the lateral side (or to the face, in a lateral view), y upward.
AP_STEMS: dict[str, tuple[Point, ...]] = {
    "internal carotid artery": ((0.06, -0.9), (0.1, -0.55), (0.2, -0.4), (0.1, -0.28), (0.16, -0.15)),
    "middle cerebral artery": ((0.16, -0.15), (0.3, -0.1), (0.45, -0.14), (0.58, 0.0), (0.66, 0.2)),
    "anterior cerebral artery": ((0.16, -0.15), (0.06, -0.06), (0.0, 0.08), (0.02, 0.35), (0.0, 0.6)),
}
LATERAL_STEMS: dict[str, tuple[Point, ...]] = {
    "internal carotid artery": ((0.1, -0.95), (0.06, -0.6), (0.2, -0.45), (0.3, -0.36), (0.14, -0.25)),
    "middle cerebral artery": ((0.14, -0.25), (0.0, -0.05), (-0.2, 0.08), (-0.42, 0.16), (-0.6, 0.1)),
    "anterior cerebral artery": ((0.14, -0.25), (0.36, 0.0), (0.34, 0.36), (0.1, 0.54), (-0.25, 0.56)),
}


@dataclass
class _Tree:
    draw: ImageDraw.ImageDraw
    size: tuple[int, int]
    flip: int
    rng: np.random.Generator
    spots: dict[str, Point] = field(default_factory=dict)

    def at(self, point: Point) -> Point:
        w, h = self.size
        side = min(w, h)
        return (w / 2 + self.flip * point[0] * side * 0.46, h / 2 - point[1] * side * 0.46)

    def line(self, points: list[Point], width: float, shade: int) -> None:
        self.draw.line([self.at(p) for p in points], fill=shade, width=max(1, round(width)), joint="curve")

    def branch(self, start: Point, angle: float, length: float, width: float, depth: int) -> None:
        points, point, step = [start], start, length / 4
        for _ in range(4):
            angle += self.rng.normal(0, 0.3)
            point = (point[0] + step * np.cos(angle), point[1] + step * np.sin(angle))
            points.append(point)
        self.line(points, width, 70 + 12 * (4 - depth))
        if depth > 0:
            for turn in (-0.5, 0.45):
                self.branch(point, angle + turn, length * 0.72, width * 0.68, depth - 1)


def draw_angiogram(facts: CaseFacts, height: int, width: int, rng: np.random.Generator) -> Drawing:
    """Shape (height, width)."""
    image = Image.new("L", (width, height), 188)
    tree = _Tree(ImageDraw.Draw(image), (width, height), 1 if facts.side == "left" else -1, rng)
    unit = min(width, height) / 64
    stems = AP_STEMS if facts.plane == "coronal" else LATERAL_STEMS
    for name, stem in stems.items():
        jitter = rng.normal(0, 0.018, (len(stem), 2))
        points = [(x + float(dx), y + float(dy)) for (x, y), (dx, dy) in zip(stem, jitter, strict=True)]
        blocked = facts.lesion == "occlusion" and facts.site == name
        tree.spots[name] = points[2]
        tree.line(points[: 3 if blocked else None], 2.1 * unit if "carotid" in name else 1.5 * unit, 55)
        if "carotid" not in name and not blocked:
            _crown(tree, points, unit)
    tree.spots["anterior communicating artery"] = tree.spots["anterior cerebral artery"]
    _finding(facts, tree, unit)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(unit * 0.28)), np.float32) / 255
    shading = 0.05 * noise((height, width), 4, rng) + 0.02 * rng.standard_normal((height, width), np.float32)
    return Drawing(np.clip(pixels + shading, 0, 1), tree.at(tree.spots[facts.site or "middle cerebral artery"]))


def _crown(tree: _Tree, points: list[Point], unit: float) -> None:
    for i in (2, 3, 4):
        dx, dy = points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]
        heading = float(np.arctan2(dy, dx))
        for turn in (-0.6, 0.6):
            tree.branch(points[i], heading + turn, 0.3, 0.9 * unit, 2)


def _finding(facts: CaseFacts, tree: _Tree, unit: float) -> None:
    spot = tree.at(tree.spots[facts.site or "middle cerebral artery"])
    if facts.lesion == "aneurysm":
        r = unit * (1.2 + 0.22 * (facts.size_mm or 8))
        tree.draw.ellipse((spot[0] - r, spot[1] - 1.8 * r, spot[0] + r, spot[1] + 0.2 * r), fill=45)
    elif facts.lesion == "malformation":
        for _ in range(60):
            start = spot + tree.rng.normal(0, 2.4 * unit, 2)
            end = start + tree.rng.normal(0, 2.6 * unit, 2)
            tree.draw.line([*map(float, start), *map(float, end)], fill=60, width=max(1, round(0.7 * unit)))
