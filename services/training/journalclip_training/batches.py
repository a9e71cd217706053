"""Which pairs make which batch: a pure function of seed and step.

Epoch ``e`` is a permutation drawn from ``(seed, e)``; step ``k`` takes the next ``batch`` pairs of it, and the pairs
left over at an epoch's end (fewer than a batch) wait for another epoch. No state is kept, so a run that resumes at step
``k``, on any number of ranks, sees the very batches an undisturbed run sees; ranks take adjacent slices of one batch,
so no pair is seen twice in it.

Replayed pairs, numbered after the run's own, fill a share of every batch from permutations of their own; an epoch is
still one pass over the run's own pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class Plan(Protocol):
    """Which samples make which batch, for any step."""

    @property
    def size(self) -> int:
        """Samples in every batch, all ranks together."""
        ...

    @property
    def steps_per_epoch(self) -> int: ...

    def steps(self, epochs: float) -> int:
        """At least one."""
        ...

    def epoch(self, step: int) -> int: ...

    def at(self, step: int) -> Indices:
        """The global batch of ``step``, int64 [size]."""
        ...

    def share(self, rank: int, world: int) -> slice:
        """This rank's part of every batch. Raises ValueError where one is empty."""
        ...


FACT_STEPS = 8  # batches that a figure of a training set is a mean of


@dataclass(frozen=True)
class Order:
    """``pairs`` samples in batches of ``batch``, or fewer; a share ``replay`` of each from ``replayed`` more."""

    pairs: int
    batch: int
    seed: int
    replayed: int = 0
    replay: float = 0.0

    @property
    def general(self) -> int:
        """Replayed pairs in every batch."""
        return min(round(self.replay * self.batch), self.batch - 1, self.replayed)

    @property
    def own(self) -> int:
        """The run's own pairs in every batch."""
        return min(self.batch - self.general, self.pairs)

    @property
    def size(self) -> int:
        """Pairs in every batch."""
        return self.own + self.general

    @property
    def steps_per_epoch(self) -> int:
        return self.pairs // self.own

    def steps(self, epochs: float) -> int:
        """At least one."""
        return max(1, round(epochs * self.steps_per_epoch))

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def at(self, step: int) -> Indices:
        """The global batch of ``step``, int64 [size]."""
        own = _slice(self.pairs, self.own, (self.seed,), step)
        if not self.general:
            return own.copy()
        general = self.pairs + _slice(self.replayed, self.general, (self.seed, 1), step)
        # Mixed, so that ranks that take adjacent slices get both kinds.
        return np.random.default_rng((self.seed, 2, step)).permutation(np.concatenate([own, general]))

    def share(self, rank: int, world: int) -> slice:
        """This rank's part of every batch; parts differ by one pair at most. Raises ValueError where one is empty."""
        return share_of(self.size, rank, world)


def share_of(size: int, rank: int, world: int) -> slice:
    """A rank's part of a batch of ``size``. Raises ValueError where one is empty."""
    if size < world:
        raise ValueError(f"a batch of {size} is too small for {world} ranks")
    return slice(rank * size // world, (rank + 1) * size // world)


def _slice(pairs: int, each: int, seed: tuple[int, ...], step: int) -> Indices:
    epoch, place = divmod(step, pairs // each)
    return _permutation(pairs, seed, epoch)[place * each : (place + 1) * each]


@lru_cache(maxsize=8)  # two epochs are in use at a border, of two kinds; the rest is gone through once
def _permutation(pairs: int, seed: tuple[int, ...], epoch: int) -> Indices:
    order = np.random.default_rng((*seed, epoch)).permutation(pairs).astype(np.int64)
    order.setflags(write=False)
    return order


def mean_over_batches(plan: Plan, of: Callable[[int], dict[str, float]]) -> dict[str, float]:
    """Each figure's mean over the first steps of a plan."""
    found = [of(step) for step in range(min(FACT_STEPS, plan.steps(1)))]
    return {name: sum(each[name] for each in found) / len(found) for name in found[0]}
