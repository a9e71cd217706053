"""One optimisation step, for any batch on any device: whole, or by cached representations (GradCache).

A contrastive loss needs the whole batch's vectors but not its activations. So a batch too large to hold is embedded in
micro-batches without a graph, the loss gives each vector its gradient, and a second forward pass of each micro-batch
carries that gradient into the weights: the same gradient as in one piece, for one more forward pass
(arXiv 2101.06983).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

# Vectors of the rank's slice, one tensor for each thing embedded, to a scalar.
Loss = Callable[..., Tensor]


class Parted(Protocol):
    """This rank's slice of one global batch, on the device."""

    def __len__(self) -> int: ...

    def parts(self, size: int) -> Iterator[Self]:
        """Adjacent pieces of at most ``size``; their vectors joined are the slice's."""
        ...


B = TypeVar("B", bound=Parted)


@dataclass(frozen=True)
class Batch:
    """Figures: one picture and one text a row."""

    pixels: Tensor  # uint8 [n, 3, S, S]
    ids: Tensor  # int64 [n, L], padded at the end
    chance: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def parts(self, size: int) -> Iterator[Batch]:
        for a in range(0, len(self), size):
            b = a + size
            yield Batch(self.pixels[a:b], self.ids[a:b], self.chance[a:b])


def backward(
    embed: Callable[[B], tuple[Tensor, ...]], loss: Loss, batch: B, micro: int,
    scale: Callable[[Tensor], Tensor] = lambda value: value,
) -> float:  # fmt: skip
    """Accumulate the gradients of ``loss`` over the batch, scaled, and return its value, which is not."""
    if not micro or micro >= len(batch):
        value = loss(*embed(batch))
        scale(value).backward()  # type: ignore[no-untyped-call]
        return float(value.detach())
    with torch.no_grad():
        found = [embed(part) for part in batch.parts(micro)]
    vectors = [torch.cat(each).requires_grad_() for each in zip(*found, strict=True)]
    value = loss(*vectors)
    scale(value).backward()  # type: ignore[no-untyped-call]
    lengths = [[len(each) for each in kind] for kind in zip(*found, strict=True)]
    gradients = [
        torch.split(torch.zeros_like(each) if each.grad is None else each.grad, lengths[n])
        for n, each in enumerate(vectors)
    ]
    for part, given in zip(batch.parts(micro), zip(*gradients, strict=True), strict=True):
        torch.autograd.backward(embed(part), given)
    return float(value.detach())
