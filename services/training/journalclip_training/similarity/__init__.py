"""How alike two texts are, by form, by coded fields or by meaning: features once a text, products a batch.

Every similarity is symmetric, is 1 for a text and itself, and is computed for a block of a batch from per-text features
that were made once; nothing is compared string by string during training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from journalclip_training.batches import Indices

Block = Callable[[slice, slice], Tensor]
CPU = torch.device("cpu")


class Similarity(Protocol):
    """Over the unique texts of a training set, numbered from 0."""

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        """For the batch ``ids`` int64 [N]: a function from rows and columns to float32 [rows, columns] on ``device``,
        the caller's to overwrite."""
        ...
