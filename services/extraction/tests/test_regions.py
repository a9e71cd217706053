"""Clustering stays bounded, and its cost does not grow with the number of marks' pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_extraction.figures.regions import find_regions, repeated_marks
from journalclip_sources.pdf.content import Page, Picture, Vector
from journalclip_sources.pdf.geometry import Rect, iou, union

A4 = Rect(0, 0, 595, 842)


def vectors(boxes: list[Rect]) -> list[Vector]:
    return [Vector(box, stroked=True, is_rect=False, white=False) for box in boxes]


def test_ten_thousand_vectors_are_one_region() -> None:
    random = np.random.default_rng(7)
    corners = random.uniform((100, 100), (400, 400), size=(10_000, 2))
    boxes = [Rect(float(x), float(y), float(x) + 3, float(y) + 3) for x, y in corners]
    regions = find_regions(Page(1, A4, vectors=vectors(boxes)), [], frozenset())
    assert len(regions) == 1
    assert regions[0].paths == 10_000
    assert iou(regions[0].box, union(boxes)) > 0.999


def test_what_stands_apart_stays_apart() -> None:
    boxes = [Rect(50, 100, 280, 300), Rect(310, 100, 540, 300)]
    regions = find_regions(Page(1, A4, pictures=[Picture(box, 100, 100) for box in boxes]), [], frozenset())
    assert [region.box for region in regions] == boxes


def test_tiles_are_one_region() -> None:
    tiles = [Rect(100 + 50 * x, 100 + 40 * y, 150 + 50 * x, 140 + 40 * y) for x in range(4) for y in range(5)]
    regions = find_regions(Page(1, A4, pictures=[Picture(box, 64, 64) for box in tiles]), [], frozenset())
    assert [region.box for region in regions] == [union(tiles)]
    assert len(regions[0].pictures) == 20


def test_a_page_wide_picture_alone_is_a_figure() -> None:
    page = Page(1, A4, pictures=[Picture(A4, 1000, 1400)])
    assert [region.box for region in find_regions(page, [], frozenset())] == [A4]


def test_white_fills_and_rules_are_nothing() -> None:
    white = Vector(Rect(50, 50, 500, 500), stroked=False, is_rect=True, white=True)
    rule = Vector(Rect(50, 60, 545, 61), stroked=True, is_rect=True, white=False)
    assert find_regions(Page(1, A4, vectors=[white, rule]), [], frozenset()) == []


def test_a_logo_on_every_page_is_furniture_and_a_figure_slot_is_not() -> None:
    logo, slot = Rect(40, 30, 140, 60), Rect(100, 100, 500, 500)
    pages = [Page(n, A4, pictures=[Picture(logo, 50, 15), Picture(slot, 100 + n, 100)]) for n in (1, 2, 3)]
    regions = find_regions(pages[0], [], repeated_marks(pages))
    assert [region.box for region in regions] == [slot]


def test_a_white_outline_in_the_running_head_is_furniture() -> None:
    bar = Vector(Rect(40, 20, 555, 38), stroked=False, is_rect=True, white=False)
    icon = Vector(Rect(536, 21, 546, 38), stroked=True, is_rect=False, white=True)
    pages = [Page(n, A4, vectors=[bar, icon]) for n in (1, 2, 3)]
    pages[0].pictures.append(Picture(Rect(40, 46, 555, 304), 900, 450))
    regions = find_regions(pages[0], [], repeated_marks(pages))
    assert [region.box for region in regions] == [Rect(40, 46, 555, 304)]


coordinate = st.floats(0, 560, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate, st.floats(0.5, 35), st.floats(0.5, 35)), min_size=1, max_size=40))
def test_every_mark_is_in_exactly_one_region_and_inside_its_box(raw: list[tuple[float, float, float, float]]) -> None:
    boxes = [Rect(x, y, x + w, y + h) for x, y, w, h in raw]
    regions = find_regions(Page(1, A4, pictures=[Picture(box, 9, 9) for box in boxes]), [], frozenset())
    owners = [[r for r in regions if any(p.box is box for p in r.pictures)] for box in boxes]
    assert all(len(owner) == 1 for owner in owners)
    assert all(owner[0].box.holds(box) for owner, box in zip(owners, boxes, strict=True))
