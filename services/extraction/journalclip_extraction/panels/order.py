"""Reading order of panels: rows from the top, in each row from the left."""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_extraction.panels.raster import Region


def in_reading_order(regions: Sequence[Region]) -> list[Region]:
    """Rows are made of regions that begin within half a height of each other; a tall one leads the rows beside it."""
    rest = sorted(regions, key=lambda region: (region.y0, region.x0))
    ordered: list[Region] = []
    while rest:
        top = rest[0]
        row = [r for r in rest if r.y0 < top.y0 + 0.5 * min(top.height, r.height)]
        ordered += sorted(row, key=lambda region: region.x0)
        rest = [r for r in rest if r not in row]
    return ordered
