"""Volumes on a model's grid: which series are laid there, and how far apart its voxels are.

Nothing here needs a model: taking studies in runs where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_sources.studies.read import ReadSeries


def surest(series: Sequence[ReadSeries]) -> list[ReadSeries]:
    """One series a sequence."""
    best: dict[str, ReadSeries] = {}
    for each in series:
        if each.sequence not in best or each.confidence > best[each.sequence].confidence:
            best[each.sequence] = each
    return [best[name] for name in sorted(best)]


def spacing_for(grid: tuple[int, int, int]) -> tuple[float, float, float]:
    """Millimetres of a grid that holds a head: 156 from below up, 224 front to back, 192 across."""
    return 156.0 / grid[0], 224.0 / grid[1], 192.0 / grid[2]
