"""n-gram similarities as matrix products: Dice and smoothed symmetric BLEU over hashed n-grams.

A text becomes a binary vector: n-gram and its number of occurrence hashed to a bucket, so that the second "left" of a
text is another feature than the first. Then ``a . b`` counts clipped matches, which is all that Dice and BLEU ask for.
Two n-grams that share a bucket are taken for one; with ``width`` buckets and m n-grams a text that raises a
similarity by about ``m / width``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from journalclip_training.batches import Indices
from journalclip_training.similarity import CPU, Block

WIDTH = 1024  # captions have some 40 n-grams of a kind: chance matches stay at 0.04
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def hashed(texts: Sequence[str], n: int, width: int = WIDTH) -> Tensor:
    """Binary features float32 [len(texts), width] of the word ``n``-grams (shorter texts: of what there is)."""
    out = torch.zeros(len(texts), width)
    for row, text in zip(out, texts, strict=True):
        tokens = words(text)
        grams = Counter(" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
        for gram, count in grams.items():
            for occurrence in range(count):
                row[_bucket(f"{n} {occurrence} {gram}", width)] = 1
    return out


def _bucket(key: str, width: int) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % width


class Dice:
    """``2 |A & B| / (|A| + |B|)`` over the word 1- and 2-grams; two texts without words are equal."""

    def __init__(self, texts: Sequence[str], width: int = WIDTH) -> None:
        self.features = torch.cat([hashed(texts, n, width) for n in (1, 2)], 1)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        x = self.features[ids].to(device)
        sizes = x.sum(1)

        def block(rows: slice, columns: slice) -> Tensor:
            total = sizes[rows, None] + sizes[columns]
            return torch.where(total > 0, 2 * (x[rows] @ x[columns].T) / total.clamp(min=1), 1.0)

        return block


class Bleu:
    """The mean of BLEU-4 both ways round, add-one smoothed above unigrams (Lin and Och 2004)."""

    ORDERS = (1, 2, 3, 4)

    def __init__(self, texts: Sequence[str], width: int = WIDTH) -> None:
        self.features = [hashed(texts, n, width) for n in self.ORDERS]
        self.lengths = torch.tensor([max(1, len(words(text))) for text in texts], dtype=torch.float32)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        grams = [each[ids].to(device) for each in self.features]
        sizes = [each.sum(1) for each in grams]
        length = self.lengths[ids].to(device)

        def block(rows: slice, columns: slice) -> Tensor:
            there = torch.zeros(len(length[rows]), len(length[columns]), device=device)
            back = torch.zeros_like(there)
            for n, x, size in zip(self.ORDERS, grams, sizes, strict=True):
                smooth = 0.0 if n == 1 else 1.0
                matches = x[rows] @ x[columns].T + smooth
                there += torch.log((matches / (size[rows, None] + smooth).clamp(min=1)).clamp(min=1e-9))
                back += torch.log((matches / (size[columns] + smooth).clamp(min=1)).clamp(min=1e-9))
            ratio = length[columns] / length[rows, None]
            brevity, brevity_back = torch.exp((1 - ratio).clamp(max=0)), torch.exp((1 - 1 / ratio).clamp(max=0))
            count = len(self.ORDERS)
            return (brevity * torch.exp(there / count) + brevity_back * torch.exp(back / count)) / 2

        return block
