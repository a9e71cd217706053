"""AUROC with DeLong's variance, for one class, many classes, and two models on the same items.

An AUROC is the mean, over positives and negatives, of "the positive scores higher" (half for a tie). Its error comes
from the structural components of DeLong, DeLong and Clarke-Pearson (1988), found from midranks as by Sun and Xu (2014).
Here each item's component is turned into its *influence* on the AUROC: influences add up over classes and subtract
between models, so macro averages, paired differences and items of one patient share one variance formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from journalclip_evaluation.bootstrap import Groups
from journalclip_evaluation.errors import NothingToEvaluate

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Auroc:
    """``influence`` [N] sums to zero; the variance is the sum of its squares (by group, where items share one).

    ``known`` is False where one side has a single item: DeLong's variance then leaves that side out, and the interval
    is the whole range.
    """

    value: float
    influence: Doubles
    known: bool = True

    def variance(self, groups: Groups | None = None) -> float:
        parts = self.influence if groups is None else np.bincount(groups.index, self.influence, groups.count)
        return float(np.sum(parts**2))

    def interval(self, confidence: float = 0.95, groups: Groups | None = None) -> tuple[float, float]:
        """On the logit scale, so that it stays inside 0 and 1; at 0 or 1 exactly the variance is 0 and says nothing."""
        if not self.known or not 0 < self.value < 1:
            return (0.0, 1.0)
        z = norm.ppf(0.5 + confidence / 2)
        logit = np.log(self.value / (1 - self.value))
        half = z * np.sqrt(self.variance(groups)) / (self.value * (1 - self.value))
        low, high = 1 / (1 + np.exp(-(logit + np.array([-half, half]))))
        return (float(low), float(high))


@dataclass(frozen=True)
class AurocDifference:
    """Second minus first, two-sided p by DeLong's paired test."""

    value: float
    low: float
    high: float
    p: float


def auroc(scores: Doubles, positive: Bools) -> Auroc:
    """Scores [N] for one class. Raises `NothingToEvaluate` unless both kinds are there."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        raise NothingToEvaluate(f"an AUROC needs both kinds: {positives} positives, {negatives} negatives")
    overall = rankdata(scores)
    of_positive = (overall[positive] - rankdata(scores[positive])) / negatives
    of_negative = 1 - (overall[~positive] - rankdata(scores[~positive])) / positives
    value = float(of_positive.mean())
    influence = np.empty(len(scores))
    influence[positive] = _influence(of_positive, value)
    influence[~positive] = _influence(of_negative, value)
    return Auroc(value, influence, min(positives, negatives) > 1)


def macro(each: Sequence[Auroc]) -> Auroc:
    """The plain mean over classes, with the classes' covariance in its variance."""
    return Auroc(
        float(np.mean([one.value for one in each])),
        np.asarray(np.mean([one.influence for one in each], axis=0)),
        all(one.known for one in each),
    )


def compare_auroc(
    first: Auroc, second: Auroc, confidence: float = 0.95, groups: Groups | None = None
) -> AurocDifference:
    """Both on the same items in the same order; nothing is concluded where one side has a single item."""
    delta = Auroc(second.value - first.value, second.influence - first.influence)
    if not (first.known and second.known):
        return AurocDifference(delta.value, -1.0, 1.0, 1.0)
    error = float(np.sqrt(delta.variance(groups)))
    half = float(norm.ppf(0.5 + confidence / 2)) * error
    p = float(2 * norm.sf(abs(delta.value) / error)) if error > 0 else float(delta.value == 0)
    return AurocDifference(delta.value, delta.value - half, delta.value + half, p)


def one_against_rest(scores: Doubles, labels: NDArray[np.int64]) -> list[Auroc]:
    """Scores [N, C], labels [N] in 0..C-1: one AUROC a class. Raises as `auroc`."""
    return [auroc(scores[:, label], labels == label) for label in range(scores.shape[1])]


def _influence(components: Doubles, value: float) -> Doubles:
    """Centred components, scaled so that their squares sum to the unbiased variance of their mean."""
    count = len(components)
    if count < 2:
        return np.zeros(count)
    return np.asarray((components - value) / np.sqrt(count * (count - 1)))
