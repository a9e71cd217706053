"""How alike two texts are, by form, by coded fields or by meaning: features once a text, products a batch.

Every similarity is symmetric, is 1 for a text and itself, and is computed for a block of a batch from per-text features
that were made once; nothing is compared string by string during training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

Block = Callable[[slice, slice], Tensor]


class Similarity(Protocol):
    """Over the unique texts of a training set, numbered from 0."""

    def at(self, ids: Tensor) -> Block:
        """For the batch ``ids`` int64 [N]: a function from rows and columns to float32 [rows, columns], the caller's to
        overwrite."""
        ...
