"""Rows that look like letters: the same slices away are text, a few millimetres away they may be anatomy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from journalclip_sources.studies.deidentify.burned_in import has_text

_SLICES = 14


def four_bars(marked: range) -> NDArray[np.float32]:
    """Tissue with noise, and on some slices a row of four soft bars: too few to be text by themselves."""
    volume = 400 + np.random.default_rng(3).normal(0, 12, (96, 96, _SLICES))
    page = np.zeros((96, 96))
    for n in range(4):
        page[40:52, 14 + 11 * n : 17 + 11 * n] = 1
    for k in marked:
        volume[:, :, k] += 500 * gaussian_filter(page, 1.2)
    return volume.astype(np.float32)


@pytest.mark.parametrize(
    ("marked", "apart_mm", "text"),
    [
        (range(3, 4), 5.0, False),
        (range(3, 5), 5.0, True),
        (range(3, 6), 1.0, False),  # three millimetres of anatomy
        (range(3, 8), 1.0, False),
        (range(_SLICES), 1.0, True),
    ],
)
def test_a_short_row_is_text_where_it_is_seen_again_far_enough_away(marked: range, apart_mm: float, text: bool) -> None:
    assert has_text(four_bars(marked), apart_mm) is text


def test_a_level_band_of_skin_that_noise_breaks_into_pieces_is_no_text() -> None:
    side = 192
    y, x = np.mgrid[:side, :side]
    radius = np.hypot((y - side / 2) / 1.15, x - side / 2)
    skin = (radius > 0.36 * side) & (radius < 0.36 * side + 6)
    page = 1800 * gaussian_filter(np.where(skin, 1.0, 0.35 * (radius <= 0.34 * side)), 0.8)
    rng = np.random.default_rng(1)
    slices = np.repeat(page[:, :, None], 8, axis=2)
    magnitude = np.hypot(slices + rng.normal(0, 90, slices.shape), rng.normal(0, 90, slices.shape))
    assert not has_text(magnitude.astype(np.float32), 5.0)
