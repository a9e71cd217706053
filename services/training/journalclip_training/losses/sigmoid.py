"""The SigLIP loss (arXiv 2303.15343), computed in row blocks. Each pair (i, j) is a binary classification.

``L = -1/N sum_ij log sigmoid(z_ij (scale * v_i . t_j + bias))`` with z = +1 on the diagonal and -1 elsewhere. The
terms have no common normaliser, so one pass over the blocks gives value and gradients. `Distributed` and factors are as
in `contrast`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from journalclip_training.losses.process_group import ProcessGroup, Single

BLOCK_ELEMENTS = 1 << 21  # 8 MiB of float32 a block: about a core's share of cache, and enough for fast products


def siglip(
    v: Tensor, t: Tensor, scale: Tensor, bias: Tensor, world: ProcessGroup | None = None, block: int = 0
) -> Tensor:
    """Scalar loss of L2-normalised v, t [n, D]; ``scale`` and ``bias`` are scalar tensors."""
    world = world or Single()
    rows = block or max(16, BLOCK_ELEMENTS // max(1, v.shape[0] * world.size))
    loss: Tensor = _Sigmoid.apply(v, t, scale, bias, world, rows)
    return loss


class _Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, v: Tensor, t_local: Tensor, scale: Tensor, bias: Tensor, world: ProcessGroup, rows: int
    ) -> Tensor:
        lengths = world.lengths(len(v))
        t = world.gather(t_local, lengths)
        n, total, offset = len(v), len(t), sum(lengths[: world.rank])
        dv, dt = torch.empty_like(v), torch.zeros_like(t)
        loss, dscale, dbias = (torch.zeros_like(scale) for _ in range(3))
        share = world.size / total
        for a in range(0, n, rows):
            b = min(a + rows, n)
            place = torch.arange(a, b, device=v.device)
            cosine = torch.mm(v[a:b], t.T)
            z = (cosine * scale).add_(bias)
            z[place - a, place + offset] *= -1  # now sigmoid(z) is the error of each pair
            loss += torch.nn.functional.softplus(z).sum()
            g = z.sigmoid_().mul_(share)
            g[place - a, place + offset] *= -1
            dscale += torch.dot(g.flatten(), cosine.flatten())
            dbias += g.sum()
            torch.mm(g, t, out=dv[a:b])
            dt.addmm_(g.T, v[a:b])
        dv, dt = dv.mul_(scale), dt.mul_(scale)
        ctx.save_for_backward(dv, world.scatter_sum(dt, lengths), dscale, dbias)
        return world.sum(loss) / total

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dv, dt, dscale, dbias = ctx.saved_tensors  # type: ignore[attr-defined]
        return dv * grads[0], dt * grads[0], dscale * grads[0], dbias * grads[0], None, None
