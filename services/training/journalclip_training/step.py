"""One optimisation step, for any batch on any device: whole, or by cached representations (GradCache).

A contrastive loss needs the whole batch's vectors but not its activations. So a batch too large to hold is embedded in
micro-batches without a graph, the loss gives each vector its gradient, and a second forward pass of each micro-batch
carries that gradient into the weights: the same gradient as in one piece, for one more forward pass
(arXiv 2101.06983).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

# v, t, pixels and token tensors of the rank's slice to a scalar
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Batch:
    """This rank's slice of one global batch, on the device."""

    pixels: Tensor  # uint8 [n, 3, S, S]
    ids: Tensor  # int64 [n, L], padded at the end
    chance: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def parts(self, size: int) -> Iterator[Batch]:
        for a in range(0, len(self), size):
            b = a + size
            yield Batch(self.pixels[a:b], self.ids[a:b], self.chance[a:b])


Embed = Callable[[Batch], tuple[Tensor, Tensor]]


def backward(embed: Embed, loss: Loss, batch: Batch, micro: int) -> float:
    """Accumulate the gradients of ``loss`` over the batch and return its value."""
    if not micro or micro >= len(batch):
        value = loss(*embed(batch))
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())
    with torch.no_grad():
        vectors = [embed(part) for part in batch.parts(micro)]
    v, t = (torch.cat(each).requires_grad_() for each in zip(*vectors, strict=True))
    value = loss(v, t)
    value.backward()  # type: ignore[no-untyped-call]
    assert v.grad is not None
    assert t.grad is not None
    for part, dv, dt in zip(batch.parts(micro), torch.split(v.grad, micro), torch.split(t.grad, micro), strict=True):
        torch.autograd.backward(embed(part), (dv, dt))
    return float(value.detach())
