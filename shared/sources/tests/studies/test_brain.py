"""Erosion and dilation by millimetres are those of a whole distance transform."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from journalclip_sources.studies.deidentify.brain import WORK_MM, dilated, eroded

MASKS = arrays(np.bool_, array_shapes(min_dims=3, max_dims=3, max_side=9))


@given(MASKS, st.sampled_from([0.0, 2.5, 4.5, 6.0, 9.0, 25.0]))
def test_they_equal_the_distance_transform(mask: NDArray[np.bool_], reach: float) -> None:
    if mask.any():
        assert np.array_equal(dilated(mask, reach), distance_transform_edt(~mask, sampling=WORK_MM) <= reach + 1e-6)
    else:
        assert not dilated(mask, reach).any()
    if mask.all():
        assert eroded(mask, reach).all()
    else:
        assert np.array_equal(eroded(mask, reach), distance_transform_edt(mask, sampling=WORK_MM) > reach + 1e-6)
