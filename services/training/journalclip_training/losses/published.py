"""SeLIP's loss as its authors' released code computes it, on the tiled exact contrast (arXiv 2503.19801).

``L = CE(onehot) + KL(q || p)``, each a mean over rows, then over both directions, with ``q_ij = S_ij / sum_j S_ij``.
Since ``CE(onehot) + CE(q) = 2 CE((onehot + q) / 2)``, that is twice the soft contrast with ``lam`` 1/2 and log-weights
``log S``, less the mean entropy of q, which no weight moves. (The released code clamps q and p to 1e-8 ... 1, which
moves the value by some 1e-6; nothing is clamped here.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from journalclip_training.losses.contrast import contrastive
from journalclip_training.losses.kernel import EVERY, Kernel
from journalclip_training.losses.process_group import ProcessGroup, Single
from journalclip_training.losses.tiles import side_for
from journalclip_training.similarity import Block

LAM = 0.5


@dataclass(frozen=True)
class LogSimilarity:
    """Kernel whose softmax is the linear normalisation of a similarity: ``log S``, ``-inf`` where S is 0."""

    block: Block

    def tile(self, rows: slice, columns: slice = EVERY) -> tuple[Tensor, Tensor | None]:
        return self.block(rows, columns).log_(), None


def selip(
    v: Tensor, t: Tensor, scale: Tensor, kernel: Kernel, world: ProcessGroup | None = None, block: int = 0
) -> Tensor:
    """Scalar loss of L2-normalised features v, t [n, D], this rank's slice of the batch that ``kernel`` numbers."""
    world = world or Single()
    lengths = world.lengths(len(v))
    start = sum(lengths[: world.rank])
    entropy = world.sum(_entropies(kernel, slice(start, start + len(v)), v, block or side_for(v.device)))
    return 2 * contrastive(v, t, scale, kernel, LAM, world, block) - entropy / sum(lengths)


def mean_entropy(kernel: Kernel, size: int) -> float:
    """Mean entropy in nats of the targets q of a batch of ``size`` pairs: 0 where each pair is like itself alone, log
    ``size`` where all are alike."""
    like = torch.zeros((), dtype=torch.float64)
    return float(_entropies(kernel, slice(0, size), like, side_for(like.device))) / size


def _entropies(kernel: Kernel, rows: slice, like: Tensor, side: int) -> Tensor:
    """The sum over ``rows`` of the entropy of their targets q, a scalar like ``like``."""
    total = like.new_zeros(())
    for start in range(rows.start, rows.stop, side):
        log_weights, _ = kernel.tile(slice(start, min(start + side, rows.stop)))
        log_q = log_weights.to(like.dtype).log_softmax(1)
        total -= torch.where(log_q.isfinite(), log_q.exp() * log_q, 0).sum()
    return total
