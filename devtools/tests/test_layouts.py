"""Layouts drawn anew for each article: what holds for none of them in particular must hold for all."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from journalclip_devtools.benches.extraction import bench
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.extractor import read_article
from journalclip_shared.records.article import Box
from journalclip_sources.pdf.geometry import Rect
from journalclip_synthetic.layouts import write_layouts
from journalclip_synthetic.layouts.article import write_article


def test_a_layout_is_the_same_each_time() -> None:
    once, again = write_article(3, 1), write_article(3, 1)
    assert once == again


@pytest.mark.slow
def test_figures_are_found_in_layouts_never_seen(tmp_path: Path) -> None:
    truths = write_layouts(tmp_path, 4, seed=5)
    assert len({truth.arrangement for truth in truths}) >= 6
    score = bench(tmp_path, crops=True)
    assert score.precision == 1.0
    assert score.recall >= 0.9
    assert score.box_single >= 0.9
    assert score.box_complex >= 0.9
    assert score.crops is not None
    assert score.crops.share == 1.0


def test_no_caption_is_shared_and_no_picture_taken_twice() -> None:
    """Whatever the layout: one figure a label, and boxes on a page that do not overlap."""
    for index in range(2):
        article = read_article(write_article(9, index)[0], ExtractOptions(crops=False))
        assert len({figure.label for figure in article.figures}) == len(article.figures)
        for one, other in combinations([figure for figure in article.figures if figure.box], 2):
            assert one.box is not None
            assert other.box is not None
            if one.page == other.page:
                assert _rect(one.box).overlap(_rect(other.box)) == 0


def _rect(box: Box) -> Rect:
    return Rect(box.x0, box.y0, box.x1, box.y1)
