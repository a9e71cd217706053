"""Slices of one study to volumes: grouped by what tells acquisitions apart, sorted by place, complete or refused.

A stack whose spacing has a hole, whose slices lie in one place or differ in size is refused with the reason: half a
volume looks like a whole one to everything downstream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from journalclip_sources.studies.dicom.frames import Slice
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.volume import Volume, checked

MIN_SLICES = 5  # fewer are localizers
_UNEVEN = 0.06  # share of the spacing that one gap may differ by; positions are rounded by scanners
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Stack:
    """One acquisition's slices."""

    slices: tuple[Slice, ...]

    @property
    def facts(self) -> SeriesFacts:
        return self.slices[0].facts


def stacks(slices: Sequence[Slice]) -> list[Stack]:
    """By series, orientation, size and acquisition; in a stable order."""
    groups: dict[tuple[object, ...], list[Slice]] = defaultdict(list)
    for each in slices:
        turn = tuple(np.round(each.orientation, 2).tolist())
        groups[each.series, turn, each.pixels.shape, each.stack].append(each)
    return [Stack(tuple(groups[key])) for key in sorted(groups, key=repr)]


def assemble(stack: Stack) -> Volume:
    """Raises `StudyRefused`."""
    if len(stack.slices) < MIN_SLICES:
        raise StudyRefused("series-too-few-slices", f"{len(stack.slices)} slices are no volume")
    normal = stack.slices[0].normal
    ordered = sorted(stack.slices, key=lambda each: float(each.position @ normal))
    places = np.array([float(each.position @ normal) for each in ordered])
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    if usual < 0.05 or (gaps < 0.05).any():
        raise StudyRefused("dicom-geometry", "two slices lie in one place")
    if (np.abs(gaps - usual) > _UNEVEN * usual + 0.02).any():
        missing = int(np.round(gaps / usual).sum()) - len(gaps)
        raise StudyRefused(
            "series-slices-missing", f"{max(1, missing)} of {len(ordered) + max(1, missing)} slices are missing"
        )
    first, last = ordered[0], ordered[-1]
    affine = np.eye(4)
    affine[:3, 0] = _LPS_TO_RAS @ first.orientation[:3] * first.spacing[1]
    affine[:3, 1] = _LPS_TO_RAS @ first.orientation[3:] * first.spacing[0]
    affine[:3, 2] = _LPS_TO_RAS @ (last.position - first.position) / (len(ordered) - 1)
    affine[:3, 3] = _LPS_TO_RAS @ first.position
    return checked(np.stack([each.pixels.T for each in ordered], -1), affine)
