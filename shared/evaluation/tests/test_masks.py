"""HD95: by its definition on small regions, symmetric, in millimetres, defined where a region is empty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from journalclip_evaluation.masks import Mask, Spacing, diagonal, hd95

SHAPE = (3, 6, 5)
SPACING = (6.0, 1.0, 1.5)


def box(z: slice, y: slice, x: slice) -> Mask:
    out = np.zeros(SHAPE, bool)
    out[z, y, x] = True
    return out


def by_definition(found: Mask, truth: Mask, spacing_mm: Spacing) -> float:
    """Every voxel of a surface against every one of the other, one by one."""

    def surface(region: Mask) -> NDArray[np.float64]:
        padded = np.pad(region, 1)
        inner = np.ones_like(region)
        for axis in range(3):
            for step in (-1, 1):
                inner &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
        return np.asarray(np.argwhere(region & ~inner) * np.array(spacing_mm))

    apart = cdist(surface(found), surface(truth))
    return float(max(np.percentile(apart.min(1), 95), np.percentile(apart.min(0), 95)))


masks = st.lists(st.integers(0, np.prod(SHAPE).item() - 1), min_size=1, max_size=40).map(
    lambda places: np.isin(np.arange(np.prod(SHAPE)), places).reshape(SHAPE)
)


@given(masks, masks)
def test_it_is_the_definition_and_has_no_direction(found: Mask, truth: Mask) -> None:
    value = hd95(found, truth, SPACING)
    assert value == pytest.approx(by_definition(found, truth, SPACING))
    assert value == pytest.approx(hd95(truth, found, SPACING))
    assert hd95(truth, truth, SPACING) == 0


def test_millimetres_are_those_of_the_axis() -> None:
    one = box(slice(0, 1), slice(0, 3), slice(0, 3))
    assert hd95(box(slice(1, 2), slice(0, 3), slice(0, 3)), one, SPACING) == pytest.approx(6.0)
    assert hd95(box(slice(0, 1), slice(2, 5), slice(0, 3)), one, SPACING) == pytest.approx(2.0)
    assert hd95(box(slice(0, 1), slice(0, 3), slice(2, 5)), one, SPACING) == pytest.approx(3.0)


def test_what_was_not_found_is_as_far_as_the_volume_is_wide() -> None:
    some, none = box(slice(0, 1), slice(0, 3), slice(0, 3)), np.zeros(SHAPE, bool)
    assert hd95(none, none, SPACING) == 0
    assert hd95(none, some, SPACING) == hd95(some, none, SPACING) == diagonal(SHAPE, SPACING)
    assert diagonal((240, 240, 155), (1.0, 1.0, 1.0)) == pytest.approx(373.1287), "what BraTS gives such a case"
    with pytest.raises(ValueError, match="regions of"):
        hd95(none, none[1:], SPACING)
