"""Batches in which no text stands twice, as SeLIP makes them: a pure function of seed and step.

The text of normal examinations belongs to half of all pairs; twice in a batch it would be its own negative. With c_t
pairs of text t, an epoch can have K batches of n pairs exactly when ``sum_t min(c_t, K) >= K n``; the largest such K is
taken. At most K pairs of each text, drawn anew for every epoch, are laid out text by text and dealt to the K batches
in turn, so two pairs of a text never meet. What is left over waits for another epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from journalclip_training.batches import Indices, share_of


class UniqueTexts:
    """A batch plan over pairs whose texts are numbered ``texts``; `journalclip_training.batches.Plan`."""

    def __init__(self, texts: Sequence[int], batch: int, seed: int) -> None:
        _, self._text, counts = np.unique(np.asarray(texts, np.int64), return_inverse=True, return_counts=True)
        self.pairs, self.seed = len(self._text), seed
        self.size = min(batch, len(counts))
        low, high = 1, max(1, self.pairs // self.size)
        while low < high:  # the share of an epoch that fits only falls with K
            middle = (low + high + 1) // 2
            fits = int(np.minimum(counts, middle).sum()) >= middle * self.size
            low, high = (middle, high) if fits else (low, middle - 1)
        self.steps_per_epoch = low
        self._epoch = lru_cache(maxsize=2)(self._dealt)

    @property
    def waiting(self) -> int:
        """Pairs that an epoch leaves to the others."""
        return self.pairs - self.steps_per_epoch * self.size

    def steps(self, epochs: float) -> int:
        return max(1, round(epochs * self.steps_per_epoch))

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def at(self, step: int) -> Indices:
        """The global batch of ``step``, int64 [size]."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[place :: self.steps_per_epoch].copy()

    def share(self, rank: int, world: int) -> slice:
        return share_of(self.size, rank, world)

    def _dealt(self, epoch: int) -> Indices:
        """The epoch's pairs; pair i belongs to batch ``i mod K``."""
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(self.pairs).astype(np.int64)
        place = rng.permutation(int(self._text.max()) + 1)[self._text[order]]  # of the pair's text in this epoch
        order = order[np.argsort(place, kind="stable")]
        text = self._text[order]
        first = np.flatnonzero(np.r_[True, text[1:] != text[:-1]])
        number = np.arange(self.pairs) - np.repeat(first, np.diff(np.r_[first, self.pairs]))
        kept: Indices = order[number < self.steps_per_epoch]
        return kept[: self.steps_per_epoch * self.size]
