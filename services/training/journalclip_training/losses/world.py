"""The ranks that share one batch: what a loss asks of them, alone or over ``torch.distributed``.

Every rank holds an equal, adjacent slice of the batch. A loss exchanges features of one tower and vectors as long as
the batch, never a block of the similarity matrix.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor


class World(Protocol):
    """A group of ranks."""

    rank: int
    size: int

    def gather(self, x: Tensor) -> Tensor:
        """All ranks' ``x`` [n, ...] joined along the first dimension, [size * n, ...]; no gradient."""
        ...

    def scatter_sum(self, x: Tensor) -> Tensor:
        """The sum over ranks of ``x`` [size * n, ...], this rank's slice of it [n, ...]."""
        ...

    def sum(self, x: Tensor) -> Tensor: ...

    def logsumexp(self, x: Tensor) -> Tensor:
        """Element-wise over ranks."""
        ...


class Alone:
    """One process: every exchange is the identity."""

    rank = 0
    size = 1

    def gather(self, x: Tensor) -> Tensor:
        return x

    def scatter_sum(self, x: Tensor) -> Tensor:
        return x

    def sum(self, x: Tensor) -> Tensor:
        return x

    def logsumexp(self, x: Tensor) -> Tensor:
        return x


class Ranks:
    """The default process group of ``torch.distributed``, which the caller has initialised."""

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()

    def gather(self, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x) for _ in range(self.size)]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    def scatter_sum(self, x: Tensor) -> Tensor:
        each = x.shape[0] // self.size
        if dist.get_backend() == "gloo":  # gloo has no reduce-scatter; this moves more but sums the same
            dist.all_reduce(x)
            return x[self.rank * each : (self.rank + 1) * each].clone()
        part = torch.empty_like(x[:each])
        dist.reduce_scatter_tensor(part, x.contiguous())
        return part

    def sum(self, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    def logsumexp(self, x: Tensor) -> Tensor:
        largest = x.clone()
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        total = torch.exp(x - largest)
        dist.all_reduce(total)
        return largest + total.log()
