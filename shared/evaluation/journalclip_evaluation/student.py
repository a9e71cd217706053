"""Student intervals over a few repetitions (seeds) of one measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from journalclip_shared.ids import Json

Interval = tuple[float, float, float]  # mean, low, high


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % Student interval; of a single value, that value three times."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return mean, mean, mean
    half = float(student.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Row:
    """One measure of one arm over all seeds; ``difference`` is None for the baseline itself."""

    measure: str
    arm: str
    values: tuple[float, ...]
    difference: Interval | None

    @property
    def most(self) -> float:
        """The highest value that the measure can have; the lowest is 0."""
        return 1.0

    @property
    def mean(self) -> Interval:
        """With its interval, which stays within 0 to `most` where all values do: a share cannot lie beyond."""
        mean, low, high = interval(self.values)
        if all(0 <= each <= self.most for each in self.values):
            return mean, max(0.0, low), min(self.most, high)
        return mean, low, high

    def said(self) -> str:
        mean, low, high = self.mean
        return f"{mean:.3f} ({low:.3f} to {high:.3f})"

    @property
    def limited(self) -> Interval | None:
        """``difference``, whose interval stays within what two values from 0 to `most` can differ by."""
        if self.difference is None or not all(0 <= each <= self.most for each in self.values):
            return self.difference
        mean, low, high = self.difference
        return mean, max(-self.most, low), min(self.most, high)

    def difference_said(self) -> str:
        if self.limited is None:
            return ""
        mean, low, high = self.limited
        return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"

    def as_json(self) -> dict[str, Json]:
        return {
            "measure": self.measure, "arm": self.arm, "values": list(self.values), "mean": list(self.mean),
            "difference": list(self.limited) if self.limited else None,
        }  # fmt: skip
