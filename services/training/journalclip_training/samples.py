"""A split ready to train on: texts as tokens, pictures by index, and what the soft losses know of each pair.

Row ``i`` is the same pair everywhere: ``pairs[i]``, its tokens, its picture.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.preprocess import Preprocess
from journalclip_shared.components import roots
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair
from journalclip_training.batches import Indices
from journalclip_training.config import DataConfig, RunOptions
from journalclip_training.pictures import Joined, Pictures, in_memory_if_small, open_shards


@dataclass(frozen=True)
class Samples:
    """Pairs with their pictures."""

    pairs: tuple[Pair, ...]
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def texts(self) -> list[str]:
        return [pair.text for pair in self.pairs]

    def figures(self) -> Tensor:
        """int64 [N]: equal where pairs come from one figure or say the very same."""
        return same_figure_or_text(self.pairs)


def together(own: Samples, general: Samples) -> Samples:
    """One set: the first's rows, then the second's."""
    return Samples((*own.pairs, *general.pairs), Joined(own.pictures, general.pictures))


def open_samples(
    dataset: FrozenDataset, split: Split, preprocess: Preprocess, folder: Path, options: RunOptions
) -> Samples:
    """A split of a frozen dataset, its shards fetched to ``folder``."""
    shards = dataset.shards(split)
    names, pictures = open_shards(dataset.store, shards, folder, preprocess, options.decode_threads)
    by_id = {pair.pair_id: pair for pair in dataset.pairs(split)}
    return Samples(tuple(by_id[name] for name in names), in_memory_if_small(pictures, options.cache_bytes))


def same_figure_or_text(pairs: Sequence[Pair]) -> Tensor:
    """Connected groups under "same figure" and "same text", numbered by first appearance."""
    first: dict[str, int] = {}
    links = [
        (i, first.setdefault(key, i))
        for i, pair in enumerate(pairs)
        for key in (f"figure {pair.figure_id}", f"text {pair.text}")
    ]
    smallest = roots(range(len(pairs)), links)
    return torch.tensor([smallest[i] for i in range(len(pairs))], dtype=torch.int64)


MOST_CUT = 0.05  # share of tokens that may be cut without a warning
_log = logging.getLogger(__name__)


class Tokens:
    """Every text tokenised once; a batch is padded to its longest, rounded up so that shapes repeat."""

    ROUND = 8  # few distinct lengths: allocators and compiled graphs are reused

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], context: int, fixed: bool = False
    ) -> None:
        """``fixed``: every batch is padded to the whole context, as SigLIP was trained."""
        whole = tokenizer(list(texts), truncation=False)["input_ids"]
        self.tokens = sum(len(row) for row in whole)
        self.cut = sum(max(0, len(row) - context) for row in whole)
        rows = whole
        if self.cut:
            rows = tokenizer(list(texts), truncation=True, max_length=context)["input_ids"]
        self._fixed = fixed
        self.lengths: Indices = np.array([len(row) for row in rows], np.int64)
        self._context, self._pad = context, tokenizer.pad_token_id or 0
        self._ids = np.full((len(rows), int(self.lengths.max(initial=1))), self._pad, np.int32)
        for i, row in enumerate(rows):
            self._ids[i, : len(row)] = row

    @property
    def share_cut(self) -> float:
        """Of all tokens, those that no text tower sees, 0 to 1."""
        return self.cut / max(1, self.tokens)

    def tell_cut(self) -> None:
        """Log the share; a warning above `MOST_CUT`."""
        level, share = logging.WARNING if self.share_cut > MOST_CUT else logging.INFO, 100 * self.share_cut
        _log.log(level, "%.1f %% of all tokens lie beyond the context of %d and are cut", share, self._context)

    def batch(self, indices: Indices) -> Tensor:
        """int64 [len(indices), L]; no mask: nothing that is read sees the padding (see `pooled`)."""
        lengths = self.lengths[indices]
        longest = -(-int(lengths.max()) // self.ROUND) * self.ROUND
        longest = min(longest, self._context, self._ids.shape[1])
        if self._fixed:
            out = np.full((len(lengths), self._context), self._pad, np.int64)
            out[:, : self._ids.shape[1]] = self._ids[indices]
            return torch.from_numpy(out)
        return torch.from_numpy(self._ids[indices, :longest].astype(np.int64))


VIEWS = 3  # drawn views of a caption, one an epoch, between two epochs of the whole captions
_ENDS = re.compile(r"(?<=[.;!?])\s+(?=[A-Z(\u4e00-\u9fff])|(?<=[\u3002\uff1b])")
_RUN = 3  # sentences of a view at most


def texts_of(pairs: Sequence[Pair], config: DataConfig, seed: int) -> list[list[str]]:
    """The texts of epoch 0, 1, ..., in turns; a record that renders to nothing leaves the caption."""
    captions = [pair.text for pair in pairs]
    rendered = [pair.record.rendering or pair.text for pair in pairs]
    match config.text:
        case "caption":
            return [captions]
        case "record":
            return [rendered]
        case "mixed":
            return [captions, rendered]
        case "views" | "views_and_mentions":
            mentions = config.text == "views_and_mentions"
            drawn = [[view(pair, mentions, (seed, number)) for pair in pairs] for number in range(VIEWS)]
            return [captions, *drawn]


def view(pair: Pair, mentions: bool, seed: tuple[int, ...]) -> str:
    """One to three sentences of the caption that follow each other, or, by choice, a sentence that mentions the figure.

    A function of pair and seed alone. A mention is never joined to the caption: it says what the text concludes.
    """
    rng = np.random.default_rng((*seed, int(sha256_hex(pair.pair_id.encode())[:12], 16)))
    if mentions and pair.mentions and rng.random() < 1 / (1 + len(pair.mentions)):
        return pair.mentions[rng.integers(len(pair.mentions))]
    sentences = [each.strip() for each in _ENDS.split(pair.text) if each.strip()] or [pair.text]
    first = int(rng.integers(len(sentences)))
    return " ".join(sentences[first : first + int(rng.integers(1, _RUN + 1))])
