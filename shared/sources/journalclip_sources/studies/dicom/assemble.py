"""Slices of one study to volumes: stacked by position and orientation, split only where positions repeat.

What scanners write beside the geometry (acquisition numbers, echo times, times of day) differs within one volume as
often as between two, so it is asked only where two slices lie in one place; then the first mark that parts them into
whole volumes counts. Directions of one b-value become one volume, their mean, unless the vendor's trace is there. A
stack with a hole, or whose slices lie on no line, is refused: half a volume looks like a whole one to everything
downstream.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from journalclip_sources.studies.dicom.frames import Slice
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.recognise import WEIGHTED
from journalclip_sources.studies.sequence_names import read_name
from journalclip_sources.studies.volume import Volume, checked

MARKS = (
    "kind", "b-value", "direction", "echo time", "echo", "inversion time", "time point", "delay", "acquisition",
    "acquisition time", "stack",
)  # fmt: skip
MIN_SLICES = 5  # fewer are localizers
_UNEVEN = 0.06  # share of the spacing that one slice may lie off the line
_ROUNDED_MM = 0.75  # exports round positions to whole mm: half of one each way, and what the fit takes of it
_ROUNDED_SHARE = 0.3  # of the spacing: beyond it rounding cannot be told from a hole
_TURN = 0.035  # difference of a direction's components that one stack may have: two degrees
_SAME_PLACE_MM = 0.05
_WHOLE = 0.8  # share of the positions that each part of a split must have
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Stack:
    """One volume's slices; ``parts`` are volumes of other directions, to be averaged with it."""

    slices: tuple[Slice, ...]
    parts: tuple[tuple[Slice, ...], ...] = ()
    refused: str = ""  # why it is no volume by itself

    @property
    def facts(self) -> SeriesFacts:
        facts = self.slices[0].facts
        bs = {each.facts.b_value for each in self.slices}
        kinds = frozenset.union(*(each.facts.kinds for each in self.slices))
        return replace(
            facts,
            kinds=kinds,
            b_value=facts.b_value if len(bs) == 1 else max((b for b in bs if b is not None), default=None),
        )

    @property
    def files(self) -> int:
        return len(self.slices) + sum(map(len, self.parts))


def stacks(slices: Sequence[Slice]) -> list[Stack]:
    """By series, orientation, size and place; in a stable order."""
    found: list[Stack] = []
    for series in _series(_once(slices)):
        for group in _alike(series):
            found += _joined([list(part) for part in _split(group, 0)])
    return found


def _once(slices: Sequence[Slice]) -> list[Slice]:
    """Equal instances count once."""
    return list({each.instance: each for each in reversed(slices)}.values())[::-1]


def _series(slices: Sequence[Slice]) -> list[list[Slice]]:
    """By SeriesInstanceUID; where it is one a slice, by number and description."""
    groups: dict[str, list[Slice]] = defaultdict(list)
    for each in slices:
        groups[each.series].append(each)
    single = [group[0] for group in groups.values() if len(group) == 1]
    rest = {key: group for key, group in groups.items() if len(group) > 1}
    loose: dict[tuple[str, str], list[Slice]] = defaultdict(list)
    for one in single:
        loose[one.series_number, one.facts.words].append(one)
    return [rest[key] for key in sorted(rest)] + [loose[key] for key in sorted(loose)]


def _alike(slices: Sequence[Slice]) -> Iterator[list[Slice]]:
    """Slices of one size and one orientation within the tolerance."""
    groups: list[list[Slice]] = []
    for each in slices:
        for group in groups:
            first = group[0]
            same = each.pixels.shape == first.pixels.shape and np.allclose(each.spacing, first.spacing, rtol=0.01)
            if same and float(np.abs(each.orientation - first.orientation).max()) <= _TURN:
                group.append(each)
                break
        else:
            groups.append([each])
    yield from groups


def _split(slices: Sequence[Slice], mark: int) -> Iterator[Sequence[Slice]]:
    """Volumes of slices that are alike; ``mark`` is the first that may still part them."""
    places = _places(slices)
    most = max(places.values())
    if most == 1 or len(places) < 2:
        yield slices
        return
    for number in range(mark, len(MARKS)):
        parts: dict[str, list[Slice]] = defaultdict(list)
        for each in slices:
            parts[_mark(each, number, slices)].append(each)
        if len(parts) > 1 and all(_smaller(part, len(places), most) for part in parts.values()):
            for key in sorted(parts, key=_order):
                yield from _split(parts[key], number + 1)
            return
    yield from _by_turns(slices)


def _smaller(part: Sequence[Slice], positions: int, most: int) -> bool:
    places = _places(part)
    return len(places) >= _WHOLE * positions and max(places.values()) < most


def _order(key: str) -> tuple[float, str]:
    try:
        return float(key), ""
    except ValueError:
        return float("inf"), key


def _mark(each: Slice, number: int, among: Sequence[Slice]) -> str:
    """A slice's mark; echo times that jitter by less than a twentieth are one."""
    found = each.marks[number] if number < len(each.marks) else ""
    if MARKS[number] not in ("echo time", "inversion time") or not found:
        return found
    own = float(found)
    near = [float(other.marks[number]) for other in among if number < len(other.marks) and other.marks[number]]
    return f"{min(t for t in near if abs(t - own) <= 0.05 * max(own, 1.0)):g}"


def _places(slices: Sequence[Slice]) -> Counter[int]:
    """How many slices lie in each place along the normal."""
    normal = slices[0].normal
    along = np.array([float(each.position @ normal) for each in slices])
    order = np.argsort(along)
    steps = np.concatenate([[0], np.cumsum(np.diff(along[order]) > _SAME_PLACE_MM)])
    return Counter(int(step) for step in steps)


def _by_turns(slices: Sequence[Slice]) -> Iterator[Sequence[Slice]]:
    """Where no mark parts slices in one place: the first of each place, the second of each, and so on."""
    normal = slices[0].normal
    ordered = sorted(slices, key=lambda each: (float(each.position @ normal), each.marks, each.instance))
    volumes: list[list[Slice]] = []
    turn, before = 0, None
    for each in ordered:
        place = float(each.position @ normal)
        turn = turn + 1 if before is not None and place - before <= _SAME_PLACE_MM else 0
        before = place
        if turn == len(volumes):
            volumes.append([])
        volumes[turn].append(each)
    yield from volumes


def _joined(volumes: Sequence[Sequence[Slice]]) -> list[Stack]:
    """Volumes of one diffusion weighting are one; a vendor's trace goes before the mean of directions."""
    weighted: dict[tuple[str, float], list[Sequence[Slice]]] = defaultdict(list)
    other: list[Stack] = []
    for volume in volumes:
        facts = Stack(tuple(volume)).facts
        if facts.b_value is not None and facts.b_value >= WEIGHTED and "ADC" not in facts.kinds and not _derived(facts):
            weighted["", facts.b_value].append(volume)
        else:
            other.append(Stack(tuple(volume)))
    unknown = [
        each
        for each in other
        if each.facts.b_value is None and read_name(each.facts.words.split(" | ")[0]).sequence == "DWI"
    ]
    if len(unknown) > 1 and not weighted:
        other = [
            replace(e, refused="its volumes differ in diffusion weighting, and no element says by how much")
            if e in unknown
            else e
            for e in other
        ]
    done = []
    for key in sorted(weighted):
        group = weighted[key]
        trace = [each for each in group if Stack(tuple(each)).facts.kinds & {"TRACEW", "ISOTROPIC"}]
        first, *rest = (tuple(each) for each in (trace[:1] or group))
        done.append(Stack(first, tuple(rest)))
    return [*other, *done]


def _derived(facts: SeriesFacts) -> bool:
    return bool(facts.kinds & {"FA", "EADC", "EXP_ADC", "TENSOR"})


def assemble(stack: Stack) -> Volume:
    """Raises `StudyRefused`."""
    if stack.refused:
        raise StudyRefused("series-diffusion-unknown", stack.refused)
    first, affine = _assembled(stack.slices)
    total = first
    for part in stack.parts:
        voxels, _ = _assembled(part)
        if voxels.shape != first.shape:
            raise StudyRefused("series-slices-missing", "one direction of the diffusion weighting has fewer slices")
        total = total + voxels
    mean = total / np.float32(1 + len(stack.parts)) if stack.parts else total
    return checked(mean, affine)


def _assembled(slices: Sequence[Slice]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    if len(slices) < MIN_SLICES:
        raise StudyRefused("series-too-few-slices", f"{len(slices)} slices are no volume")
    normal = slices[0].normal
    ordered = sorted(slices, key=lambda each: float(each.position @ normal))
    _check_line(np.array([float(each.position @ normal) for each in ordered]))
    first, last = ordered[0], ordered[-1]
    affine = np.eye(4)
    affine[:3, 0] = _LPS_TO_RAS @ first.orientation[:3] * first.spacing[1]
    affine[:3, 1] = _LPS_TO_RAS @ first.orientation[3:] * first.spacing[0]
    affine[:3, 2] = _LPS_TO_RAS @ (last.position - first.position) / (len(ordered) - 1)
    affine[:3, 3] = _LPS_TO_RAS @ first.position
    voxels = np.stack([each.pixels.T for each in ordered], -1)
    # Of the whole volume, so that every slice has one zero.
    return (voxels.max() - voxels if first.inverted else voxels), affine


def _check_line(places: NDArray[np.float64]) -> None:
    """Slices lie at even steps on a line, within what scanners and exports round. Raises `StudyRefused`."""
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    if usual < _SAME_PLACE_MM or (gaps < _SAME_PLACE_MM).any():
        raise StudyRefused("dicom-geometry", "two slices lie in one place")
    step = float(np.mean(gaps[np.abs(gaps - usual) < 0.5 * usual]))
    index = np.round(np.concatenate([[0.0], np.cumsum(np.maximum(np.round(gaps / step), 1))]))
    missing = int(index[-1]) + 1 - len(places)
    if missing:
        raise StudyRefused("series-slices-missing", f"{missing} of {len(places) + missing} slices are missing")
    slope, start = np.polyfit(index, places, 1)
    off = float(np.abs(places - (slope * index + start)).max())
    if off > max(_UNEVEN * step + 0.02, min(_ROUNDED_MM, _ROUNDED_SHARE * step)):
        raise StudyRefused("series-slices-missing", "the slices do not lie at even steps")
