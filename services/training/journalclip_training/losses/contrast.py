"""The softmax contrastive loss with soft targets, in row blocks: exact, and never the whole matrix.

With ``s_ij = scale * v_i . t_j`` and targets ``y`` (see `kernel`),
``L = 1/(2N) sum_i [CE(y_i, softmax_j s_ij) + CE(y_i, softmax_j s_ji)]``. Since ``y`` sums to one, its gradient with
respect to ``s_ij`` is ``(p_ij + p'_ij - y_ij - y_ji) / 2N``, where ``p`` and ``p'`` are the softmaxes by row and by
column. So one pass over row blocks finds the normalisers, and a second recomputes each block and adds its share of the
gradients at once: nothing of size N x N ever exists, and nothing is kept for the backward pass but the result.

Over ranks each holds n = N / size rows: only text features, the column normalisers and text gradients are exchanged.
The value returned is the whole batch's on every rank; gradients carry a factor ``size``, because data-parallel
training averages them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from journalclip_training.losses.kernel import Kernel
from journalclip_training.losses.world import Alone, World

BLOCK_ELEMENTS = 1 << 21  # 8 MiB of float32 a block: about a core's share of cache, and large enough for fast products


def contrastive(
    v: Tensor,
    t: Tensor,
    scale: Tensor,
    kernel: Kernel | None = None,
    lam: float = 0.0,
    world: World | None = None,
    block: int = 0,
) -> Tensor:
    """Scalar loss of L2-normalised features v, t [n, D] under ``scale`` = 1 / temperature (a scalar tensor).

    ``block`` is the number of rows at a time; 0 chooses it so that a block holds `BLOCK_ELEMENTS`. With ``lam`` 0 or no
    kernel this is the plain CLIP loss, by the very same operations.
    """
    world = world or Alone()
    soft = kernel if lam > 0 else None
    rows = block or max(16, BLOCK_ELEMENTS // max(1, v.shape[0] * world.size))
    loss: Tensor = _Contrast.apply(v, t, scale, soft, lam if soft else 0.0, world, rows)
    return loss


class _Contrast(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, v: Tensor, t: Tensor, scale: Tensor, kernel: Kernel | None, lam: float, world: World, rows: int
    ) -> Tensor:
        batch = _Batch(v, world.gather(t), scale, kernel, lam, world, rows)
        loss, dv, dt, dscale = batch.run()
        ctx.save_for_backward(dv, world.scatter_sum(dt), dscale)
        return loss

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dv, dt, dscale = ctx.saved_tensors  # type: ignore[attr-defined]
        return dv * grads[0], dt * grads[0], dscale * grads[0], None, None, None, None


class _Batch:
    """One evaluation: rows are this rank's, columns everybody's."""

    def __init__(
        self, v: Tensor, t: Tensor, scale: Tensor, kernel: Kernel | None, lam: float, world: World, rows: int
    ) -> None:
        self.t, self.scale, self.kernel, self.lam, self.world = t, scale, kernel, lam, world
        self.v = v * scale  # once here, not in every block
        self.n, self.total = v.shape[0], t.shape[0]
        self.offset, self.rows = world.rank * self.n, rows

    def run(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss (whole batch), d/dv [n, D], d/dt [N, D] (this rank's share), d/dscale."""
        by_row, by_column, norm = self._normalisers()
        norms = self.world.gather(norm)
        mine = slice(self.offset, self.offset + self.n)
        loss = by_row.sum() + by_column[mine].sum()
        dv, dt = torch.empty_like(self.v), torch.zeros_like(self.t)
        dscale = torch.zeros_like(self.scale)
        share = self.world.size / (2 * self.total)
        for a, b in self._blocks():
            s = self._logits(a, b)
            y = self._targets(a, b, norm, norms)
            loss -= torch.dot(y.flatten(), s.nan_to_num(neginf=0.0).flatten() if self._has_neutral else s.flatten())
            g = torch.exp(s - by_row[a:b, None]).add_(torch.exp(s - by_column)).sub_(y).mul_(share)
            if self._has_neutral:
                s.nan_to_num_(neginf=0.0)
            dscale += torch.dot(g.flatten(), s.flatten()) / self.scale
            torch.mm(g, self.t, out=dv[a:b])
            dt.addmm_(g.T, self.v[a:b])
        return self.world.sum(loss) / (2 * self.total), dv.mul_(self.scale), dt, dscale

    def _normalisers(self) -> tuple[Tensor, Tensor, Tensor]:
        """log-sum-exp of the logits by row [n] and column [N], and of the log-weights by row [n]."""
        by_row, norm = self.v.new_empty(self.n), self.v.new_zeros(self.n)
        by_column = self.v.new_full((self.total,), -torch.inf)
        self._has_neutral = False
        for a, b in self._blocks():
            s = self._logits(a, b)
            by_row[a:b] = s.logsumexp(1)
            by_column = torch.logaddexp(by_column, s.logsumexp(0))
            if self.kernel is not None:
                norm[a:b] = self._weights(a, b).logsumexp(1)
        return by_row, self.world.logsumexp(by_column), norm

    def _blocks(self) -> Iterator[tuple[int, int]]:
        for a in range(0, self.n, self.rows):
            yield a, min(a + self.rows, self.n)

    def _logits(self, a: int, b: int) -> Tensor:
        s = torch.mm(self.v[a:b], self.t.T)
        ignored = None if self.kernel is None else self.kernel.neutral(self._place(a, b))
        if ignored is not None:
            self._has_neutral = True
            s.masked_fill_(ignored, -torch.inf)
        return s

    def _weights(self, a: int, b: int) -> Tensor:
        assert self.kernel is not None
        return self.kernel.log_weights(self._place(a, b)).to(self.v.dtype)

    def _targets(self, a: int, b: int, norm: Tensor, norms: Tensor) -> Tensor:
        """``y_ij + y_ji`` [b - a, N]."""
        place = torch.arange(a, b, device=self.v.device)
        if self.kernel is None:
            y = self.v.new_zeros((b - a, self.total))
        else:
            w = self._weights(a, b)
            y = torch.exp(w - norm[a:b, None]).add_(torch.exp(w - norms)).mul_(self.lam)
        y[place - a, place + self.offset] += 2 * (1 - self.lam)
        return y

    def _place(self, a: int, b: int) -> slice:
        return slice(self.offset + a, self.offset + b)
