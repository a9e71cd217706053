"""The softmax contrastive loss with soft targets, tile by tile: exact, and never the whole matrix.

With ``s_ij = scale * v_i . t_j`` and targets ``y`` (see `kernel`),
``L = 1/(2N) sum_i [CE(y_i, softmax_j s_ij) + CE(y_i, softmax_j s_ji)]``. Since ``y`` sums to one, its gradient with
respect to ``s_ij`` is ``(p_ij + p'_ij - y_ij - y_ji) / 2N``, where ``p`` and ``p'`` are the softmaxes by row and by
column. So one pass over tiles finds the normalisers, and a second recomputes each tile and adds its share of the
gradients at once: nothing of size N x N ever exists, and nothing is kept for the backward pass but the result.
``y_ij + y_ji`` is symmetric, so a tile of it serves its mirror image as well.

Over ranks each holds n of the N rows: only text features, the column normalisers and text gradients are exchanged.
The value returned is the whole batch's on every rank; gradients carry a factor ``size``, because data-parallel
training averages them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from journalclip_training.losses.kernel import Kernel
from journalclip_training.losses.process_group import ProcessGroup, Single
from journalclip_training.losses.tiles import Tile, log_sums, side_for, tiles


def contrastive(
    v: Tensor,
    t: Tensor,
    scale: Tensor,
    kernel: Kernel | None = None,
    lam: float = 0.0,
    world: ProcessGroup | None = None,
    block: int = 0,
) -> Tensor:
    """Scalar loss of L2-normalised features v, t [n, D] under ``scale`` = 1 / temperature (a scalar tensor).

    ``block`` is a tile's side; 0 chooses it for the device. With ``lam`` 0 or no kernel this is the plain CLIP loss, by
    the very same operations.
    """
    soft = kernel if lam > 0 else None
    block = block or side_for(v.device)
    loss: Tensor = _Contrast.apply(v, t, scale, soft, lam if soft else 0.0, world or Single(), block)
    return loss


class _Contrast(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        v: Tensor,
        t: Tensor,
        scale: Tensor,
        kernel: Kernel | None,
        lam: float,
        world: ProcessGroup,
        block: int,
    ) -> Tensor:
        lengths = world.lengths(len(v))
        loss, dv, dt, dscale = _Batch(v, world.gather(t, lengths), scale, kernel, lam, world, lengths, block).run()
        ctx.save_for_backward(dv, world.scatter_sum(dt, lengths), dscale)
        return loss

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        dv, dt, dscale = ctx.saved_tensors  # type: ignore[attr-defined]
        return dv * grads[0], dt * grads[0], dscale * grads[0], None, None, None, None


class _Batch:
    """One evaluation: rows of v are this rank's, those of t everybody's. Slices are places in the global batch."""

    def __init__(
        self, v: Tensor, t: Tensor, scale: Tensor, kernel: Kernel | None, lam: float, world: ProcessGroup,
        lengths: Sequence[int], block: int,
    ) -> None:  # fmt: skip
        self.v, self.t, self.scale, self.kernel, self.lam = v, t, scale, kernel, lam
        self.world, self.lengths = world, lengths
        self.offset, self.total = sum(lengths[: world.rank]), len(t)
        self.mine = slice(self.offset, self.offset + len(v))
        self.tiles = list(tiles(self.mine, self.total, block))
        self.loss = v.new_zeros(())
        self.dv, self.dt = torch.zeros_like(v), torch.zeros_like(t)
        # Two tiles' worth of memory for the whole evaluation: fresh memory would be paid for by page faults.
        self._buffers = v.new_empty(2, min(block, len(v)) * min(block, len(t)))

    def run(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss (whole batch), d/dv [n, D], d/dt [N, D] (this rank's share), d/dscale."""
        by_v, by_t, sums = self._normalisers()
        share = self.world.gather(self.lam / sums, self.lengths)
        self.loss += by_v.sum() + by_t[self.mine].sum()
        for tile in self.tiles:
            i, j, local = tile.rows, tile.columns, self._local(tile.rows)
            y, ignored = self._targets(tile, share)
            self._add(self.v[local], self.t[j], by_v[local], by_t[j], y, ignored, self.dv[local], self.dt[j])
            if tile.mirrored:
                local = self._local(j)
                self._add(self.t[i], self.v[local], by_t[i], by_v[local], y, ignored, self.dt[i], self.dv[local])
        weight = self.world.size / (2 * self.total)
        dscale = torch.dot(self.v.flatten(), self.dv.flatten()) * weight
        factor = weight * self.scale
        return self.world.sum(self.loss) / (2 * self.total), self.dv.mul_(factor), self.dt.mul_(factor), dscale

    def _add(
        self, x: Tensor, z: Tensor, by_x: Tensor, by_z: Tensor, y: Tensor | None, ignored: Tensor | None,
        dx: Tensor, dz: Tensor,
    ) -> None:  # fmt: skip
        """Add the tile ``s = scale x . z`` to the loss and to the gradients dx, dz (less the factor of all)."""
        s = self._logits(x, z, ignored)
        g = torch.sub(s, by_x[:, None], out=self._buffer(1, s.shape)).exp_()
        if y is not None:
            if ignored is not None:
                g.masked_fill_(ignored, 0)
                y = y.masked_fill(ignored, 0)
                self.loss -= torch.dot(y.view(-1), s.masked_fill(ignored, 0).view(-1))
            else:
                self.loss -= torch.dot(y.view(-1), s.view(-1))
            g.sub_(y)
        g.add_(s.sub_(by_z).exp_())
        dx.addmm_(g, z)
        dz.addmm_(g.T, x)

    def _normalisers(self) -> tuple[Tensor, Tensor, Tensor]:
        """log-sum-exp of the logits by picture [n] and by text [N], and the sum of the target weights by row [n]."""
        by_v, by_t = (x.new_full(x.shape[:1], -torch.inf) for x in (self.v, self.t))
        sums = torch.zeros_like(by_v) if self.kernel is not None else torch.ones_like(by_v)
        for tile in self.tiles:
            i, j, local = tile.rows, tile.columns, self._local(tile.rows)
            weights, ignored = self._weights(tile)
            self._log_sums(self.v[local], self.t[j], ignored, by_v[local], by_t[j])
            if weights is not None:
                sums[local] += weights.sum(1)
            if tile.mirrored:
                local = self._local(j)
                self._log_sums(self.t[i], self.v[local], ignored, by_t[i], by_v[local])
                if weights is not None:
                    sums[local] += weights.sum(0)
        return by_v, self.world.logsumexp(by_t), sums

    def _log_sums(self, x: Tensor, z: Tensor, ignored: Tensor | None, by_x: Tensor, by_z: Tensor) -> None:
        s = self._logits(x, z, ignored)
        rows, columns = log_sums(s, self._buffer(1, s.shape))
        torch.logaddexp(by_x, rows, out=by_x)
        torch.logaddexp(by_z, columns, out=by_z)

    def _logits(self, x: Tensor, z: Tensor, ignored: Tensor | None) -> Tensor:
        s = torch.mm(x * self.scale, z.T, out=self._buffer(0, torch.Size((len(x), len(z)))))
        return s if ignored is None else s.masked_fill_(ignored, -torch.inf)

    def _weights(self, tile: Tile) -> tuple[Tensor | None, Tensor | None]:
        """``exp(log_weights)`` [rows, columns], and which cells are in no softmax."""
        if self.kernel is None:
            return None, None
        weights, ignored = self.kernel.tile(tile.rows, tile.columns)
        return weights.to(self.v.dtype).exp_(), ignored

    def _targets(self, tile: Tile, share: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """``y_ij + y_ji`` [rows, columns], None where there is no target; ``share`` is lam over each row's sum."""
        y, ignored = self._weights(tile)
        if y is not None:
            y.mul_(share[tile.rows, None] + share[tile.columns])
        if tile.diagonal:
            y = self.v.new_zeros(len(share[tile.rows]), len(share[tile.rows])) if y is None else y
            y.diagonal().add_(2 * (1 - self.lam))
        return y, ignored

    def _buffer(self, number: int, shape: torch.Size) -> Tensor:
        return self._buffers[number, : shape.numel()].view(shape)

    def _local(self, places: slice) -> slice:
        """The same rows in v."""
        return slice(places.start - self.offset, places.stop - self.offset)
