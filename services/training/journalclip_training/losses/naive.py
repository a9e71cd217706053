"""The losses as their papers print them: the whole N x N matrix, gradients by autograd.

For reading, for tests and as the benches' baseline; memory grows with the square of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid


def clip(v: Tensor, t: Tensor, scale: Tensor) -> Tensor:
    """Plain CLIP."""
    logits = scale * v @ t.T
    labels = torch.arange(len(v), device=v.device)
    return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2


def targets(log_weights: Tensor, lam: float) -> Tensor:
    """``y = (1 - lam) I + lam softmax(log_weights)``, [N, N]."""
    identity = torch.eye(len(log_weights), dtype=log_weights.dtype, device=log_weights.device)
    return (1 - lam) * identity + lam * log_weights.softmax(1)


def soft(v: Tensor, t: Tensor, scale: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy against soft targets y [N, N], both directions."""
    logits = scale * v @ t.T
    return (cross_entropy(logits, y) + cross_entropy(logits.T, y)) / 2


def siglip(v: Tensor, t: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """SigLIP."""
    logits = scale * v @ t.T + bias
    sign = 2 * torch.eye(len(v), dtype=v.dtype, device=v.device) - 1
    return -logsigmoid(sign * logits).sum() / len(v)
