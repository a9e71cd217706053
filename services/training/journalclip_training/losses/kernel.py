"""Soft targets as a symmetric kernel over the pairs of a batch, given out block by block.

A target row is ``y_i = (1 - lam) onehot(i) + lam * softmax_j(log_weights(i, j))``. The kernel knows the log-weights
only; it is symmetric, so one block serves both directions: the row's normaliser makes ``y_i``, the column's ``y_j``.
``neutral`` pairs are taken out of both softmaxes: neither pulled together nor pushed apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Kernel(Protocol):
    """Indices are places in the global batch; ``-inf`` means no target mass."""

    def log_weights(self, rows: slice) -> Tensor:
        """[len(rows), N], any float dtype; the caller may overwrite it."""
        ...

    def neutral(self, rows: slice) -> Tensor | None:
        """bool [len(rows), N], False on the diagonal; None where there is none."""
        ...


@dataclass(frozen=True)
class Groups:
    """Multi-positive: pairs of one group (duplicates, panels of a figure) share the target evenly."""

    ids: Tensor  # int64 [N]

    def log_weights(self, rows: slice) -> Tensor:
        same = self.ids[rows, None] == self.ids[None, :]
        return torch.zeros(same.shape, device=self.ids.device).masked_fill_(~same, -torch.inf)

    def neutral(self, rows: slice) -> Tensor | None:
        del rows
        return None


@dataclass(frozen=True)
class Dense:
    """A whole log-weight matrix held in memory; for tests and small batches."""

    weights: Tensor  # [N, N], symmetric
    ignored: Tensor | None = None  # bool [N, N], symmetric

    def log_weights(self, rows: slice) -> Tensor:
        return self.weights[rows].clone()

    def neutral(self, rows: slice) -> Tensor | None:
        return None if self.ignored is None else self.ignored[rows]
