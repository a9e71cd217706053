"""The SeLIP similarity of a training set, ``S = alpha S_syn + (1 - alpha) S_sem``, and the kernels made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.batches import Indices
from journalclip_training.config import LossConfig
from journalclip_training.losses.kernel import EVERY, Kernel
from journalclip_training.losses.published import LogSimilarity
from journalclip_training.similarity import CPU, Block, Similarity
from journalclip_training.similarity.clauses import Clauses
from journalclip_training.similarity.edit import Edit
from journalclip_training.similarity.evidence import Evidence
from journalclip_training.similarity.fields import Fields, Labels
from journalclip_training.similarity.ngrams import Bleu, Dice
from journalclip_training.similarity.sentences import Sentences, sentence_encoder


@dataclass(frozen=True)
class Mixed:
    """A weighted sum of one part at least; parts of weight 0 are not computed. Equal texts have 1 exactly."""

    parts: tuple[tuple[float, Similarity], ...]

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        blocks = [(weight, part.at(ids, device)) for weight, part in self.parts if weight]
        number = torch.from_numpy(ids).to(device)

        def block(rows: slice, columns: slice) -> Tensor:
            (weight, first), *others = blocks
            total = first(rows, columns).mul_(weight)
            for weight, part in others:
                total.add_(part(rows, columns), alpha=weight)
            return total.masked_fill_(number[rows, None] == number[columns], 1.0)

        return block


@dataclass(frozen=True)
class Softened:
    """Kernel of the soft loss: log-weights ``S / tau``, shifted by the diagonal's."""

    block: Block
    tau: float

    def tile(self, rows: slice, columns: slice = EVERY) -> tuple[Tensor, Tensor | None]:
        return self.block(rows, columns).sub_(1).div_(self.tau), None


@dataclass(frozen=True)
class Triage:
    """Kernel after SAT: alike enough is positive, somewhat alike is neutral, the rest negative.

    We read SAT's idea (three classes by inter-report similarity, the middle one left out of the contrast) but not its
    printed equations; the thresholds and the even share among positives are ours.
    """

    block: Block
    positive: float
    neutral_above: float

    def tile(self, rows: slice, columns: slice = EVERY) -> tuple[Tensor, Tensor | None]:
        s = self.block(rows, columns)
        others = s < self.positive
        return torch.zeros_like(s).masked_fill_(others, -torch.inf), others & (s >= self.neutral_above)


class TextKernels:
    """Kernels for any batch of a training set; its similarities are prepared once, for the unique texts."""

    def __init__(
        self, config: LossConfig, texts: Sequence[str], records: Sequence[CaptionRecord], cache: Path | None = None
    ) -> None:
        self.config = config
        number: dict[str, int] = {}
        self.ids = np.array([number.setdefault(text, len(number)) for text in texts], np.int64)
        first = dict(zip(reversed(texts), reversed(records), strict=True))
        unique, coded = list(number), [first[text] for text in number]
        if config.kind == "medclip":
            self.similarity: Similarity = Mixed(((1.0, Labels(coded)),))
        elif config.kind == "selip":
            self.similarity = Clauses(unique, config.normal_text)
        else:
            self.similarity = mixed(config, unique, coded, cache)

    def at(self, batch: Indices, device: torch.device) -> Kernel:
        """The kernel of the pairs ``batch`` int64 [N]."""
        block = self.similarity.at(self.ids[batch], device)
        match self.config.kind:
            case "sat":
                return Triage(block, self.config.sat_positive, self.config.sat_neutral)
            case "selip":
                return LogSimilarity(block)
            case "medclip":
                return Softened(block, 1.0)  # MedCLIP takes the softmax of the cosines as they are
            case _:
                return Softened(block, self.config.tau_s)


def mixed(config: LossConfig, texts: Sequence[str], records: Sequence[CaptionRecord], cache: Path | None) -> Mixed:
    """Only the parts that weigh are prepared."""
    parts: list[tuple[float, Similarity]] = []
    if config.alpha > 0:
        parts.append((config.alpha, syntax(config, texts, records)))
    if config.alpha < 1:
        parts.append((1 - config.alpha, Sentences(texts, sentence_encoder(config.semantic), cache)))
    return Mixed(tuple(parts))


def syntax(config: LossConfig, texts: Sequence[str], records: Sequence[CaptionRecord]) -> Similarity:
    match config.syntax:
        case "edit":
            return Edit(texts)
        case "bleu":
            return Bleu(texts)
        case "dice":
            return Dice(texts)
        case "clauses":
            return Clauses(texts, config.normal_text)
        case "fields":
            return Fields(records)
        case "evidence":
            return Evidence(records)
