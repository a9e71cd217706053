"""Marks (images, visible paths) of a page clustered into regions by closeness, in time bounded by the page's size.

Marks are painted onto a coarse grid, running text is wiped out of it, and connected cells are one region. The grid has
a fixed number of cells, so ten thousand vectors cost hardly more than ten: no pair of marks is ever compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from journalclip_extraction.figures.frames import Frame
from journalclip_sources.pdf.content import Line, Page, Picture, Vector
from journalclip_sources.pdf.geometry import Rect

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Place = tuple[int, int, int, int]  # a mark's box in whole points, to find it again on other pages
Marks = Collection[Place]

_CELL = 3.0  # points: finer than any gap between a figure and its neighbour
JOIN = 2  # cells that marks may be apart on each side and still be one region: panels, bars and dashes
_MIN_SIDE = 14.0  # points: a smaller region is an icon, a bullet or a logo of the licence
_MIN_AREA = 700.0  # square points
_THIN = 2.5  # points: a flatter path is a rule
_PAGE_SHARE = 0.92  # of the page: a larger mark is its background
_REPEATS = 3  # pages that carry the same mark at the same place: furniture
_LOGO_SHARE = 0.04  # of the page: larger pictures at one place are a journal's figure slot, not its logo
_MAX_CELLS = 2_000_000  # a poster's cells grow instead, so that memory stays bounded


@dataclass(slots=True, eq=False)
class Region:
    """Marks that stand together. ``pictures`` are its rasters; ``paths`` counts its vectors."""

    box: Rect
    pictures: tuple[Picture, ...]
    paths: int
    crumb: bool = False  # too small to be a figure; may be a part of one (a dot of a scatter plot)

    @property
    def raster_share(self) -> float:
        """How much of the box rasters cover, at most 1."""
        return min(1.0, sum(p.box.area for p in self.pictures) / max(self.box.area, 1e-6))


def repeated_marks(pages: Sequence[Page]) -> frozenset[Place]:
    """Rounded boxes of marks that stand at the same place on several pages: logos, header rules, page frames."""
    seen: Counter[Place] = Counter()
    for page in pages:
        drawn = [vector.box for vector in page.vectors if vector.stroked or not vector.white]
        seen.update({_rounded(box) for box in (*drawn, *(picture.box for picture in page.pictures))})
    return frozenset(box for box, count in seen.items() if count >= _REPEATS)


def _rounded(box: Rect) -> Place:
    return round(box.x0), round(box.y0), round(box.x1), round(box.y1)


def find_regions(
    page: Page,
    prose: Sequence[Line],
    repeated: Marks,
    frames: Sequence[Frame] = (),
    join: int = JOIN,
) -> list[Region]:
    """All regions, top to bottom. ``join`` is how many cells marks may be apart on each side and still be one."""
    pictures = [p for p in page.pictures if _is_content(p.box, page, prose, repeated)]
    vectors = [v for v in page.vectors if _is_drawing(v, page, prose, repeated)]
    if frames:
        pictures = [p for p in pictures if not any(frame.is_edge(p.box) for frame in frames)]
        vectors = [v for v in vectors if not any(frame.is_edge(v.box) for frame in frames)]
    marks: list[Picture | Vector] = [*pictures, *vectors]
    if not marks:
        return []
    boxes = np.array([m.box for m in marks], dtype=np.float64)
    labels, cells = _paint(boxes, page.box, [line.box for line in prose], join)
    owner = labels[cells[:, 1], cells[:, 0]]
    regions = []
    for label in np.unique(owner[owner > 0]):
        members = np.flatnonzero(owner == label)
        x0, y0 = boxes[members, :2].min(axis=0)
        x1, y1 = boxes[members, 2:].max(axis=0)
        box = Rect(float(x0), float(y0), float(x1), float(y1))
        crumb = min(box.width, box.height) < _MIN_SIDE or box.area < _MIN_AREA
        rasters = tuple(pictures[i] for i in members if i < len(pictures))
        regions.append(Region(box, rasters, int((members >= len(pictures)).sum()), crumb))
    return sorted(regions, key=lambda r: (r.box.y0, r.box.x0))


def _is_content(box: Rect, page: Page, prose: Sequence[Line], repeated: Marks) -> bool:
    if _rounded(box) in repeated and box.area < _LOGO_SHARE * page.box.area:
        return False
    if box.area < _PAGE_SHARE * page.box.area:
        return True
    return not prose  # a page-wide picture under running text is paper, alone it is a full-page figure


def _is_drawing(vector: Vector, page: Page, prose: Sequence[Line], repeated: Marks) -> bool:
    box = vector.box
    if vector.white and not vector.stroked:
        return False
    if box.height <= _THIN and box.width > 0.4 * page.box.width:
        return False  # a rule between columns of text or in a table
    area = box.area
    if area > _MIN_AREA and vector.is_rect and any(box.holds_centre(line.box) for line in prose):
        return False  # a tint behind text
    return area < _PAGE_SHARE * page.box.area and _rounded(box) not in repeated


def _paint(boxes: Floats, page: Rect, walls: Sequence[Rect], join: int) -> tuple[Ints, Ints]:
    """``(labels_YX, cells_N4)``: connected components of the painted grid, and each mark's first and last cell."""
    cell = max(_CELL, (page.area / _MAX_CELLS) ** 0.5)
    wide, high = int(page.width / cell) + 2, int(page.height / cell) + 2
    cells = _cells(boxes, page, cell, wide, high)
    grid = _fill(cells, wide, high)
    near = ndimage.binary_dilation(grid, iterations=join) if join else grid
    if walls:
        # A wall stops the dilation but never cuts what is really painted there.
        stop = _fill(_cells(np.array(walls, dtype=np.float64), page, cell, wide, high), wide, high)
        near &= ~stop | grid
    labels: Ints = ndimage.label(near, structure=np.ones((3, 3), dtype=np.int8))[0]
    return labels, cells


def _cells(boxes: Floats, page: Rect, cell: float, wide: int, high: int) -> Ints:
    scaled: Ints = ((boxes - np.array([page.x0, page.y0, page.x0, page.y0])) / cell).astype(np.int64)
    scaled[:, 0::2] = scaled[:, 0::2].clip(0, wide - 2)
    scaled[:, 1::2] = scaled[:, 1::2].clip(0, high - 2)
    return scaled


def _fill(cells: Ints, wide: int, high: int) -> npt.NDArray[np.bool_]:
    """Paint all boxes at once: corner counts, summed along both axes, are positive inside a box."""
    corners = np.zeros((high, wide), dtype=np.int32)
    x0, y0, x1, y1 = cells.T
    np.add.at(corners, (y0, x0), 1)
    np.add.at(corners, (y1 + 1, x0), -1)
    np.add.at(corners, (y0, x1 + 1), -1)
    np.add.at(corners, (y1 + 1, x1 + 1), 1)
    painted: npt.NDArray[np.bool_] = corners.cumsum(axis=0).cumsum(axis=1) > 0
    return painted
