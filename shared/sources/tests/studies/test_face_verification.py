"""A kept rim over the eyes is no removed face, though all that is farther from the brain is gone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from journalclip_sources.studies.deidentify.brain import WORK_MM, Mask, dilated
from journalclip_sources.studies.deidentify.face_verification import by_estimates, face_zone

_SHAPE = (72, 88, 80)


def _at() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    x, y, z = (np.asarray(WORK_MM * (np.arange(n) - n // 2), np.float64) for n in _SHAPE)
    return x[:, None, None], y[None, :, None], z[None, None, :]


def _ellipsoid(centre: tuple[float, float], half: tuple[float, float, float]) -> Mask:
    x, y, z = _at()
    place = (x / half[0]) ** 2 + ((y - centre[0]) / half[1]) ** 2 + ((z - centre[1]) / half[2]) ** 2
    return np.asarray(place < 1)


@pytest.mark.parametrize(("rim_mm", "gone"), [(3.6, True), (8.5, False)])
def test_the_face_is_asked_for_up_to_the_brain(rim_mm: float, gone: bool) -> None:
    _, y, z = (each.astype(np.float32) for each in _at())
    brain, head = _ellipsoid((-10, 30), (65, 78, 55)), _ellipsoid((-5, 0), (75, 95, 95))
    brain &= np.asarray(z > -25)
    beyond = np.asarray(face_zone(brain, y, z) & ~dilated(brain, rim_mm))
    assert by_estimates(beyond, [brain, brain, brain], head, y, z) is gone


def test_a_cut_brain_is_no_good_removal() -> None:
    _, y, z = (each.astype(np.float32) for each in _at())
    brain, head = _ellipsoid((-10, 30), (65, 78, 55)), _ellipsoid((-5, 0), (75, 95, 95))
    beyond = np.asarray(face_zone(brain, y, z) & np.broadcast_to(y > 45, brain.shape))
    assert not by_estimates(beyond, [brain, brain, brain], head, y, z)
