"""How good a split is: panels found by box, and figures whose panels all carry their own words.

Boxes are matched one to one, best overlap first, and count from IoU 0.5. Alignment asks only of the figures that were
accepted: every true panel is met by a panel of the same letter (or, where words are known, of the same words).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from journalclip_extraction.panels.split import PanelSplit
from journalclip_sources.pdf.geometry import Rect, iou

MET = 0.5


@dataclass(frozen=True)
class TruePanel:
    """A labelled panel; ``subcaption`` None where only its letter is known."""

    letter: str | None
    box: Rect
    subcaption: str | None = None


@dataclass
class Score:
    """Counts over many figures."""

    figures: int = 0
    met: int = 0
    found: int = 0
    true: int = 0
    accepted: int = 0
    aligned: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, split: PanelSplit, truth: Sequence[TruePanel]) -> bool:
        """Count one figure; True if all is right with it."""
        boxes = [Rect(p.box.x0, p.box.y0, p.box.x1, p.box.y1) for p in split.panels]
        pairs = match(boxes, [panel.box for panel in truth])
        self.figures += 1
        self.met += len(pairs)
        self.found += len(boxes)
        self.true += len(truth)
        self.reasons[split.reason] = self.reasons.get(split.reason, 0) + 1
        whole = len(pairs) == len(truth) == len(boxes)
        if split.tier == "panels":
            self.accepted += 1
            right = whole and all(_agrees(split, truth, i, j) for i, j in pairs)
            self.aligned += right
            return right
        return whole

    def summary(self) -> dict[str, float]:
        """Shares, 0 to 1; of nothing they are 0."""
        precision, recall = self.met / max(1, self.found), self.met / max(1, self.true)
        return {
            "figures": self.figures,
            "panels": self.true,
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(2 * self.met / max(1, self.found + self.true), 4),
            "accepted": self.accepted,
            "accepted_share": round(self.accepted / max(1, self.figures), 4),
            "alignment": round(self.aligned / max(1, self.accepted), 4),
        }


def match(found: Sequence[Rect], true: Sequence[Rect]) -> list[tuple[int, int]]:
    """Pairs (found, true) of boxes that meet, each used once, best overlap first."""
    scored = sorted(((iou(f, t), i, j) for i, f in enumerate(found) for j, t in enumerate(true)), reverse=True)
    pairs: list[tuple[int, int]] = []
    for overlap, i, j in scored:
        if overlap >= MET and all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def _agrees(split: PanelSplit, truth: Sequence[TruePanel], i: int, j: int) -> bool:
    panel, true = split.panels[i], truth[j]
    if true.subcaption is not None:
        return panel.subcaption == true.subcaption
    return panel.letter == true.letter
