"""Layouts drawn anew for each article: what holds for none of them in particular must hold for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_extraction.bench import bench
from journalclip_extraction.testing.layouts import write_layouts
from journalclip_extraction.testing.layouts.article import write_article


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
