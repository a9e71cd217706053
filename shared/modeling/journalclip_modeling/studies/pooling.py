"""Attention pooling: a learnt query per head weighs tokens, absent ones not at all; the strongest token counts as well.

The same module pools positions within a slice, slices within a sequence and sequences within a study, so that any
number of slices and any subset of sequences gives one vector. The maximum of each channel is the residual path, and the
weighted mean is added to it from nothing: a lesion is a few tokens of hundreds, which an untrained mean drowns, and
three such pools in a row do not train unless the tokens pass each one as they are. What was weighed how much comes out
as well: pictures show it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AttentionPool(nn.Module):
    """tokens [n, L, width] to [n, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} does not divide among {heads} heads")
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Parameter(torch.randn(heads, width // heads) * (width // heads) ** -0.5)
        self.key, self.value = (nn.Linear(width, width) for _ in range(2))
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Pooled [n, width] and weights [n, L], the heads' mean; ``present`` bool [n, L], at least one a row."""
        n, length, width = tokens.shape
        x = self.norm(tokens)
        key = self.key(x).view(n, length, self.heads, -1)
        value = self.value(x).view(n, length, self.heads, -1)
        scores = torch.einsum("nlhd,hd->nhl", key, self.query)
        if present is not None:
            scores = scores.masked_fill(~present[:, None], -torch.inf)
            tokens = tokens.masked_fill(~present[..., None], -torch.inf)
        weights = scores.softmax(-1)
        mean = torch.einsum("nhl,nlhd->nhd", weights, value).reshape(n, width)
        return tokens.amax(1) + self.out(mean), weights.mean(1)
