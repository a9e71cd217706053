"""Normalised edit similarity: one minus the Levenshtein distance over the longer text's length.

An edit distance is no product of features, so the features of a text are its similarities to all others: a table of
bytes over the training set's unique texts, filled once by rapidfuzz on all cores. It is quadratic in the texts, hence a
limit; beyond it use an n-gram measure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from torch import Tensor

from journalclip_shared.errors import PermanentError
from journalclip_training.batches import Indices
from journalclip_training.similarity import CPU, Block

MAX_TEXTS = 32_768  # a table of 1 GiB; it takes minutes to fill
_LEVELS = 255


class TooManyTexts(PermanentError):
    """The table of edit similarities would not fit."""

    def __init__(self, texts: int) -> None:
        super().__init__(
            "edit-table-too-large",
            f"{texts} unique texts; a table of edit similarities holds at most {MAX_TEXTS}",
            "Set loss.syntax to dice, bleu or fields.",
        )


class Edit:
    """Similarities to 1/255. Raises `TooManyTexts`."""

    def __init__(self, texts: Sequence[str]) -> None:
        if len(texts) > MAX_TEXTS:
            raise TooManyTexts(len(texts))
        table = np.zeros((len(texts), len(texts)), np.uint8)
        for start in range(0, len(texts), 512):
            part = cdist(texts[start : start + 512], texts, scorer=Levenshtein.normalized_similarity, workers=-1)
            table[start : start + 512] = np.round(part * _LEVELS)
        self.table = torch.from_numpy(table)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        table = self.table[ids][:, ids].to(device)

        def block(rows: slice, columns: slice) -> Tensor:
            return table[rows, columns].float().div_(_LEVELS)

        return block
