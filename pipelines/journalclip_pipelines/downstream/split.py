"""Which cases are asked and which are learnt from, by seed alone: not by how many labels are used.

Groups (patients) stand whole on one side. The test cases are drawn class by class and are the same for every share of
the labels; shares are drawn class by class too, at least one case each, and a smaller one is part of a larger one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from journalclip_pipelines.downstream.errors import CasesUnusable
from journalclip_training.studies.segment import share_of

TEST_SHARE = 0.3
_LEAST = 2  # groups a class: one to learn from, one to be asked


def split_cases(
    truth: NDArray[np.int64], groups: NDArray[np.int64], classes: Sequence[str], seed: int
) -> tuple[list[int], list[int]]:
    """Rows to learn from and rows to ask, each sorted. Raises `CasesUnusable` ``cases-too-few``."""
    _, first = np.unique(groups, return_index=True)
    asked: set[int] = set()
    for number, name in enumerate(classes):
        own = groups[first[truth[first] == number]]  # a group that has several classes counts for its first case's
        if len(own) < _LEAST:
            raise CasesUnusable("cases-too-few", f"the class {name} has {len(own)} patients of its own")
        count = min(len(own) - 1, max(1, round(TEST_SHARE * len(own))))
        asked |= set(np.random.default_rng((seed, number, 55)).permutation(own)[:count].tolist())
    test = np.isin(groups, list(asked))
    return np.flatnonzero(~test).tolist(), np.flatnonzero(test).tolist()


def labels_share(truth: NDArray[np.int64], train: Sequence[int], share: float, seed: int) -> list[int]:
    """``share`` of the rows ``train`` in each class, at least one a class, sorted."""
    chosen: list[int] = []
    for number in np.unique(truth[list(train)]):
        chosen += share_of([row for row in train if truth[row] == number], share, seed)
    return sorted(chosen)
