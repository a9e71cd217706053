"""Where the right answer stands in the ranking of each query, exactly, also under ties and duplicates.

A query has ``positives`` right answers in its gallery. The best of them has ``above`` items scored higher; it is level
with ``level`` items (itself included), ``right`` of which are right answers too. Level items stand in random order, so
the figures here are expectations over that order: no order of the data can flatter a model, and one that gives every
item the same vector scores exactly chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from journalclip_evaluation.counting import Ints

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Ranks:
    """One row a query; all int64 [N]. Invariant: ``1 <= right <= level`` and ``right <= positives``."""

    above: Ints
    level: Ints
    right: Ints
    positives: Ints
    pool: int

    def __len__(self) -> int:
        return len(self.above)

    def take(self, rows: Ints) -> Ranks:
        return Ranks(self.above[rows], self.level[rows], self.right[rows], self.positives[rows], self.pool)

    def hits(self, k: int) -> Doubles:
        """Probability that a right answer is among the first ``k``."""
        places = np.clip(k - self.above, 0, self.level)
        missed = np.ones(len(self))
        for place in range(min(k, int(places.max(initial=0)))):
            wrong_left = np.maximum(self.level - self.right - place, 0)
            missed *= np.where(place < places, wrong_left / np.maximum(self.level - place, 1), 1.0)
        return np.asarray(1 - missed)

    def rank(self) -> Doubles:
        """Expected rank of the first right answer, from 1."""
        return np.asarray(self.above + (self.level + 1) / (self.right + 1))

    def reciprocal(self) -> Doubles:
        """Expected reciprocal rank of the first right answer."""
        one = (digamma(self.above + self.level + 1) - digamma(self.above + 1)) / self.level
        result = np.where(self.level == 1, 1 / (self.above + 1), one)
        for row in np.flatnonzero(self.right > 1):
            result[row] = _first_of_several(int(self.above[row]), int(self.level[row]), int(self.right[row]))
        return result

    def chance(self, k: int) -> float:
        """Mean of `hits` for a random ranking of the pool."""
        missed = np.ones(len(self))
        for place in range(min(k, self.pool)):
            missed *= np.maximum(self.pool - self.positives - place, 0) / (self.pool - place)
        return float(np.mean(1 - missed))


def _first_of_several(above: int, level: int, right: int) -> float:
    """E[1/rank] of the first of ``right`` answers among ``level`` items in random order after ``above`` others."""
    place = np.arange(level - right + 1)
    later = np.concatenate([[1.0], np.cumprod((level - right - place[:-1]) / (level - place[:-1]))])
    here = later * right / (level - place)
    return float(np.sum(here / (above + 1 + place)))
