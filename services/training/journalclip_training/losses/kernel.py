"""Soft targets as a symmetric kernel over the pairs of a batch, given out tile by tile.

A target row is ``y_i = (1 - lam) onehot(i) + lam * softmax_j(log_weights(i, j))``. The kernel knows the log-weights
only; it is symmetric, so one tile serves both directions and its mirror image: the row's normaliser makes ``y_i``, the
column's ``y_j``. A softmax does not change when a constant is added: kernels are shifted so that a row's largest
log-weight is about 0, and their exponentials can be summed as they are.
``neutral`` pairs are taken out of both softmaxes: neither pulled together nor pushed apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

EVERY = slice(None)


class Kernel(Protocol):
    """Indices are places in the global batch."""

    def tile(self, rows: slice, columns: slice = EVERY) -> tuple[Tensor, Tensor | None]:
        """Log-weights [rows, columns] of any float dtype, ``-inf`` where there is no target mass, the caller's to
        overwrite; and which pairs are neutral, bool [rows, columns], False on the diagonal, None where none is.
        """
        ...


@dataclass(frozen=True)
class Groups:
    """Multi-positive: pairs of one group (duplicates, panels of a figure) share the target evenly."""

    ids: Tensor  # int64 [N]

    def tile(self, rows: slice, columns: slice = EVERY) -> tuple[Tensor, Tensor | None]:
        same = self.ids[rows, None] == self.ids[None, columns]
        return torch.zeros(same.shape, device=self.ids.device).masked_fill_(~same, -torch.inf), None


@dataclass(frozen=True)
class Dense:
    """A whole log-weight matrix held in memory; for tests and small batches."""

    weights: Tensor  # [N, N], symmetric
    ignored: Tensor | None = None  # bool [N, N], symmetric

    def tile(self, rows: slice, columns: slice = EVERY) -> tuple[Tensor, Tensor | None]:
        shifted = self.weights[rows, columns] - self.weights.max()
        return shifted, None if self.ignored is None else self.ignored[rows, columns]
