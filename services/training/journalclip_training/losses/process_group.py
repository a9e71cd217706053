"""The ranks that share one batch: what a loss asks of them, alone or over ``torch.distributed``.

Every rank holds an adjacent slice of the batch, not always of the same length. A loss exchanges features of one tower
and vectors as long as the batch, never a block of the similarity matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor


class ProcessGroup(Protocol):
    """A group of ranks."""

    rank: int
    size: int

    def lengths(self, n: int) -> tuple[int, ...]:
        """Every rank's ``n``, in the order of ranks."""
        ...

    def gather(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """All ranks' ``x`` [n, ...] joined along the first dimension, [N, ...]; no gradient."""
        ...

    def scatter_sum(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """The sum over ranks of ``x`` [N, ...], this rank's slice of it [n, ...]."""
        ...

    def sum(self, x: Tensor) -> Tensor: ...

    def logsumexp(self, x: Tensor) -> Tensor:
        """Element-wise over ranks."""
        ...


class Single:
    """One process: every exchange is the identity."""

    rank = 0
    size = 1

    def lengths(self, n: int) -> tuple[int, ...]:
        return (n,)

    def gather(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        return x

    def scatter_sum(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        return x

    def sum(self, x: Tensor) -> Tensor:
        return x

    def logsumexp(self, x: Tensor) -> Tensor:
        return x


class Distributed:
    """The default process group of ``torch.distributed``, which the caller has initialised."""

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()

        self._device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")

    def lengths(self, n: int) -> tuple[int, ...]:
        found = torch.empty(self.size, dtype=torch.int64, device=self._device)
        dist.all_gather_into_tensor(found, torch.tensor([n], device=self._device))
        return tuple(found.tolist())

    def gather(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        longest = max(lengths)  # backends exchange equal shapes only; lengths differ by one at most
        padded = torch.nn.functional.pad(x, (*(0, 0) * (x.ndim - 1), 0, longest - len(x)))
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded.contiguous())
        return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])

    def scatter_sum(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        start = sum(lengths[: self.rank])
        if self._device.type == "cpu" or len(set(lengths)) > 1:
            # gloo has no reduce-scatter, and none takes unequal parts; this moves more but sums the same
            dist.all_reduce(x)
            return x[start : start + lengths[self.rank]].clone()
        part = torch.empty_like(x[: lengths[self.rank]])
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
