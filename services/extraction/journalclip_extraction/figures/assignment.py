"""Captions and regions of a page matched all at once, so that no caption is shared and no picture is taken twice.

Each caption gets one main region by the assignment of least total cost (distance, words between, the side on which this
document sets its captions). Further regions then join the figure they stand by, on its side of the caption only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from journalclip_extraction.figures.frames import Frame
from journalclip_extraction.figures.regions import Region
from journalclip_sources.pdf.content import Line
from journalclip_sources.pdf.geometry import Rect, union

Side = Literal["above", "below", "left", "right", "inside"]

_UNMATCHED = 420.0  # points of cost: a caption goes without a picture rather than take one this unlikely
_UNMATCHED_TABLE = 150.0  # the same for tables, most of which have no marks but rules
_BLOCKED = 120.0  # cost of each line of running text in between, up to three
_WRONG_SIDE = 45.0  # cost of a side on which this document sets few captions
_BESIDE = 25.0  # cost of standing beside: rarer than above or below everywhere
_TABLE_PICTURE = 110.0  # cost of a raster for a table's caption
_REACH = 60.0  # points: parts of one figure stand no further apart
_LEVEL_REACH = 150.0  # points: pictures of one height, side by side over one caption, may be this far apart
_LEVEL = 0.06  # of their height: how level they are
_CRUMB_REACH = 30.0  # points: the same for marks too small to be figures, such as stray rules


@dataclass(slots=True, eq=False)
class Claim:
    """A caption's box and what it may take; ``side`` is where its figure stands seen from it, once matched."""

    box: Rect
    lines: frozenset[int]
    kind: Literal["figure", "table", "other"]
    main: Region | None = None
    side: Side | None = None
    parts: list[Region] = field(default_factory=list)
    frame: Frame | None = None

    @property
    def figure(self) -> Rect:
        return union(part.box for part in self.parts)


def side_of(caption: Rect, region: Rect) -> Side:
    """Where the region stands, seen from its caption."""
    across, along = region.x_overlap(caption), region.y_overlap(caption)
    if across > 0 and along > 0 and region.holds_centre(caption):
        return "inside"
    if across / min(region.width, caption.width) >= along / min(region.height, caption.height):
        return "above" if region.cy < caption.cy else "below"
    return "left" if region.cx < caption.cx else "right"


def match(claims: Sequence[Claim], regions: Sequence[Region], prose: Sequence[Line], usual: Counter[Side]) -> None:
    """Fill in ``main``, ``side`` and ``parts`` of every claim; ``usual`` counts the document's sides so far."""
    for claim in claims:
        claim.main, claim.side, claim.parts = None, None, []
    if not claims or not regions:
        return
    mains = [region for region in regions if not region.crumb]
    costs = np.array([[_cost(claim, region, claims, prose, usual) for region in mains] for claim in claims])
    without = np.array([[_UNMATCHED if claim.kind == "figure" else _UNMATCHED_TABLE] for claim in claims])
    padded = np.hstack([costs.reshape(len(claims), len(mains)), np.repeat(without, len(claims), axis=1)])
    for row, column in zip(*linear_sum_assignment(padded), strict=True):
        if column < len(mains):
            claim = claims[row]
            claim.main = mains[column]
            claim.side = side_of(claim.box, mains[column].box)
            claim.parts = [mains[column]]
    _join(claims, regions, prose)


def _cost(claim: Claim, region: Region, claims: Sequence[Claim], prose: Sequence[Line], usual: Counter[Side]) -> float:
    if any(c.frame is not None and _parted(c.frame, claim, region) for c in claims):
        return 2 * _UNMATCHED
    side = side_of(claim.box, region.box)
    cost = gap(claim.box, region.box)
    cost += _BLOCKED * min(3, _between(claim, region.box, claims, prose))
    if side in ("left", "right"):
        cost += _BESIDE
    total = sum(usual.values())
    if total:
        cost += _WRONG_SIDE * (1 - usual[side] / total)
    if claim.kind == "table" and region.raster_share > 0.5:
        cost += _TABLE_PICTURE
    misfit = 1 - max(0.0, _shared(claim.box, region.box, side))
    cost += 60.0 * misfit
    return float(cost - 6.0 * np.log(max(region.box.area, 1.0) / 1000.0))


def _parted(frame: Frame, claim: Claim, region: Region) -> bool:
    """A frame stands between the caption and the region: one is inside, the other is not."""
    return frame.box.holds_centre(claim.box) != frame.box.holds_centre(region.box)


def _shared(caption: Rect, region: Rect, side: Side) -> float:
    if side in ("left", "right"):
        return caption.y_overlap(region) / min(caption.height, region.height)
    return caption.x_overlap(region) / min(caption.width, region.width)


def gap(a: Rect, b: Rect) -> float:
    """Distance between two boxes, 0 where they touch."""
    across, along = max(0.0, -a.x_overlap(b)), max(0.0, -a.y_overlap(b))
    return float((across * across + along * along) ** 0.5)


def _between(claim: Claim, region: Rect, claims: Sequence[Claim], prose: Sequence[Line]) -> int:
    """Lines of other text in the corridor between a caption and a region."""
    corridor = _corridor(claim.box, region)
    if corridor is None:
        return 0
    others = sum(2 for other in claims if other is not claim and _fills(corridor, other.box))
    return others + sum(1 for li in prose if id(li) not in claim.lines and _fills(corridor, li.box))


def _corridor(a: Rect, b: Rect) -> Rect | None:
    """The rectangle between two boxes, along the axis that separates them; None where they touch."""
    if a.y_overlap(b) < 0 and -a.y_overlap(b) >= -a.x_overlap(b):
        x0, x1 = max(a.x0, b.x0), min(a.x1, b.x1)
        if x1 <= x0:
            x0, x1 = min(a.x1, b.x1), max(a.x0, b.x0)
        return Rect(x0, min(a.y1, b.y1), x1, max(a.y0, b.y0))
    if a.x_overlap(b) < 0:
        y0, y1 = max(a.y0, b.y0), min(a.y1, b.y1)
        if y1 <= y0:
            y0, y1 = min(a.y1, b.y1), max(a.y0, b.y0)
        return Rect(min(a.x1, b.x1), y0, max(a.x0, b.x0), y1)
    return None


def _fills(corridor: Rect, box: Rect) -> bool:
    """The box bars a good part of the corridor's height or width, or stands well inside it."""
    return corridor.x_overlap(box) > 2 and corridor.y_overlap(box) > 0.5 * min(box.height, corridor.height)


def _join(claims: Sequence[Claim], regions: Sequence[Region], prose: Sequence[Line]) -> None:
    """Give every other region to the nearest figure on the right side of its caption, nearest first."""
    free = [r for r in regions if all(claim.main is not r for claim in claims)]
    while free:
        best: tuple[float, Claim, Region] | None = None
        for claim in claims:
            if claim.main is None:
                continue
            for region in free:
                distance = gap(claim.figure, region.box)
                if (
                    distance <= _reach(claim, region)
                    and (best is None or distance < best[0])
                    and _belongs(claim, region, claims, prose)
                ):
                    best = (distance, claim, region)
        if best is None:
            return
        best[1].parts.append(best[2])
        free.remove(best[2])


def _reach(claim: Claim, region: Region) -> float:
    """How far a part may stand off: further where it is level with the figure, over a caption as wide as both."""
    if region.crumb:
        return _CRUMB_REACH
    figure = claim.figure
    tall = max(figure.height, region.box.height)
    level = abs(figure.y0 - region.box.y0) < _LEVEL * tall and abs(figure.y1 - region.box.y1) < _LEVEL * tall
    spanned = min(claim.box.x_overlap(figure), claim.box.x_overlap(region.box)) > 0
    return _LEVEL_REACH if level and spanned else _REACH


def _belongs(claim: Claim, region: Region, claims: Sequence[Claim], prose: Sequence[Line]) -> bool:
    if any(c.frame is not None and _parted(c.frame, claim, region) for c in claims):
        return False
    grown = union((claim.figure, region.box))
    others = [c for c in claims if c is not claim]
    if any(grown.overlap(c.box) > 0.2 * c.box.area for c in others):
        return False
    if any(c.main is not None and grown.overlap(c.figure) > 0.1 * c.figure.area for c in others):
        return False
    if grown.overlap(claim.box) > 0.5 * claim.box.area and claim.side != "inside":
        return False
    covered = sum(1 for li in prose if id(li) not in claim.lines and grown.holds_centre(li.box))
    already = sum(1 for li in prose if id(li) not in claim.lines and claim.figure.holds_centre(li.box))
    return covered <= already
