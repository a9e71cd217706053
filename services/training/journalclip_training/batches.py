"""Which pairs make which batch: a pure function of seed and step.

Epoch ``e`` is a permutation drawn from ``(seed, e)``; step ``k`` takes the next ``batch`` pairs of it, and the pairs
left over at an epoch's end (fewer than a batch) wait for another epoch. No state is kept, so a run that resumes at step
``k``, on any number of ranks, sees the very batches an undisturbed run sees; ranks take adjacent slices of one batch,
so no pair is seen twice in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """``pairs`` samples in batches of ``batch`` (cut to ``pairs`` where there are fewer)."""

    pairs: int
    batch: int
    seed: int

    @property
    def size(self) -> int:
        """Pairs in every batch."""
        return min(self.batch, self.pairs)

    @property
    def steps_per_epoch(self) -> int:
        return self.pairs // self.size

    def steps(self, epochs: float) -> int:
        """At least one."""
        return max(1, round(epochs * self.steps_per_epoch))

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def at(self, step: int) -> Indices:
        """The global batch of ``step``, int64 [size]."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return _permutation(self.pairs, self.seed, epoch)[place * self.size : (place + 1) * self.size].copy()

    def share(self, step: int, rank: int, world: int) -> Indices:
        """This rank's slice. ``size`` must be a multiple of ``world``: unequal slices would weigh pairs unequally."""
        if self.size % world:
            raise ValueError(f"a batch of {self.size} does not divide among {world} ranks")
        each = self.size // world
        return self.at(step)[rank * each : (rank + 1) * each]


@lru_cache(maxsize=4)  # two epochs are in use at a border; the rest is gone through once
def _permutation(pairs: int, seed: int, epoch: int) -> Indices:
    order = np.random.default_rng((seed, epoch)).permutation(pairs).astype(np.int64)
    order.setflags(write=False)
    return order
