"""Intervals and paired tests by resampling whole articles (or patients), never single pairs.

Pairs of one article share wording and imaging style; treating them as independent makes intervals too narrow. Groups
are drawn with replacement, all their queries come along, and the statistic is the mean over the drawn queries. The
interval is the percentile one. The seed is fixed, so the same data gives the same interval.

Of few groups the percentile interval is too narrow, so below `FEW` a Student interval takes its place: the mean is a
ratio (of the groups' sums to their sizes), its error is the linearised one over groups, and degrees of freedom are the
groups' number less one. Below `TOO_FEW` nothing is concluded: the whole range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW = 10  # groups; below, intervals are Student's
TOO_FEW = 5  # groups; below, there is no interval
DRAWS = 2000  # the 2.5th percentile then stands on 50 draws: its own error is about a twentieth of the interval
_CELLS = 1 << 23  # counts held at once: 64 MiB


@dataclass(frozen=True)
class Groups:
    """Queries by group: ``index`` [N] says which of ``count`` groups each query belongs to."""

    index: Ints
    count: int

    @classmethod
    def of(cls, names: Sequence[str]) -> Groups:
        # In Python's own strings: as an array, a million ids take a hundred bytes each, several times over.
        numbers = {name: number for number, name in enumerate(sorted(set(names)))}
        return cls(np.fromiter((numbers[name] for name in names), np.int64, len(names)), len(numbers))


def resample(values: Doubles, groups: Groups, seed: int = 0, draws: int = DRAWS) -> Doubles:
    """Means of the columns of ``values`` [N, M] in each of ``draws`` resamples of the groups: [draws, M]."""
    sums = np.stack([np.bincount(groups.index, column, groups.count) for column in values.T], axis=1)
    sizes = np.bincount(groups.index, minlength=groups.count).astype(np.float64)
    parts = [(w @ sums) / (w @ sizes)[:, None] for w in _weights(groups.count, draws, seed)]
    return np.concatenate(parts)


def interval(values: Doubles, groups: Groups, confidence: float = 0.95, seed: int = 0) -> list[tuple[float, float]]:
    """Interval of each column's mean, within 0 to 1 where all values are. Below `TOO_FEW` groups: the whole range."""
    if groups.count < TOO_FEW:
        return [_range(column) for column in values.T]
    if groups.count < FEW:
        return [_student(column, groups, confidence, _range(column))[:2] for column in values.T]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(resample(values, groups, seed), [tail, 100 - tail], axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def _range(values: Doubles) -> tuple[float, float]:
    return float(values.min(initial=0.0)), float(values.max(initial=1.0))


def _student(
    values: Doubles, groups: Groups, confidence: float, within: tuple[float, float]
) -> tuple[float, float, float]:
    """Low, high and two-sided p (against 0) of the mean of ``values`` [N]."""
    sums = np.bincount(groups.index, values, groups.count)
    sizes = np.bincount(groups.index, minlength=groups.count).astype(np.float64)
    mean, freedom = float(sums.sum() / sizes.sum()), groups.count - 1
    parts = (sums - mean * sizes) / sizes.sum()
    error = float(np.sqrt(groups.count / freedom * np.sum(parts**2)))
    half = float(student.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * student.sf(abs(mean) / error, freedom)) if error > 0 else float(mean == 0)
    return max(within[0], mean - half), min(within[1], mean + half), p


@dataclass(frozen=True)
class Difference:
    """Mean of ``after - before`` over the same queries; ``p`` is two-sided, never below one in the draws."""

    mean: float
    low: float
    high: float
    p: float


def difference(
    before: Doubles, after: Doubles, groups: Groups, confidence: float = 0.95, seed: int = 0, least: int = TOO_FEW
) -> Difference:
    """Paired: each draw takes the same articles for both. Below ``least`` groups, at least two: [-1, 1]."""
    delta = (after - before)[:, None]
    mean = float(delta.mean())
    if groups.count < max(2, least):
        return Difference(mean, -1.0, 1.0, 1.0)
    if groups.count < FEW:
        low, high, p = _student(delta[:, 0], groups, confidence, (-np.inf, np.inf))
        return Difference(mean, low, high, max(p, 1 / DRAWS))
    draws = resample(delta, groups, seed)[:, 0]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(draws, [tail, 100 - tail])
    beyond = min(float(np.mean(draws <= 0)), float(np.mean(draws >= 0)))
    return Difference(mean, float(low), float(high), min(1.0, max(2 * beyond, 1 / len(draws))))


def _weights(groups: int, draws: int, seed: int) -> Iterator[Doubles]:
    """How often each group is drawn, for some draws at a time: [some, groups]."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // groups)
    for start in range(0, draws, step):
        some = min(step, draws - start)
        drawn = rng.integers(0, groups, (some, groups)) + np.arange(some)[:, None] * groups
        yield np.bincount(drawn.ravel(), minlength=some * groups).reshape(some, groups).astype(np.float64)
