"""Studies as a `journalclip_training.fit.FitTask`: volumes with their descriptions, any subset of sequences at a time.

Every random choice (order, hidden sequences, moves, gains) is a function of seed and step, so a run that was killed
goes on from its checkpoint to the very same weights. Each rank sees the whole batch's numbers and its own volumes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from journalclip_modeling.studies.model import Bools, StudyModel, VolumeStudyModel
from journalclip_training.batches import Indices, Order, Plan, mean_over_batches
from journalclip_training.config import RunOptions
from journalclip_training.errors import SettingInvalid
from journalclip_training.feed import pinned, read_ahead
from journalclip_training.fit import Fitted, Observe, fit_task, nobody
from journalclip_training.losses.process_group import ProcessGroup, Single
from journalclip_training.precision import computing
from journalclip_training.samples import Tokens
from journalclip_training.studies.augment import vary
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.objective import StudyObjective
from journalclip_training.studies.samples import StudySamples, as_units
from journalclip_training.unique_texts import UniqueTexts
from journalclip_training.validation import Score

MOST_STEPS = 1 << 24  # of a run; keeps the seeds of different runs' dropout apart


def fit_studies(
    config: StudyTrainConfig,
    model: StudyModel,
    tokenizer: PreTrainedTokenizerBase,
    samples: StudySamples,
    folder: Path,
    *,
    options: RunOptions | None = None,
    observe: Observe = nobody,
    world: ProcessGroup | None = None,
    score: Score | None = None,
) -> Fitted:
    """Train ``model`` in place, resuming from ``folder``; ``score`` as in `fit_task`.

    Raises `TrainingDiverged`, `CheckpointMismatch`.
    """
    options, world = options or RunOptions(), world or Single()
    task = StudyTask(config, model, tokenizer, samples, folder, options, world)
    return fit_task(
        task, config.optim, config.digest, folder, options=options, observe=observe, world=world, score=score
    )


@dataclass(frozen=True)
class Shown:
    """Which studies a batch has, what of them is visible, and the pairs that belong to it; on the host."""

    studies: Indices  # [B], numbers of the set
    present: Bools  # [B, S]
    pairs: Indices  # [Q], numbers of the set, sorted by study
    owner: Indices  # [Q], of each pair, in the batch
    rows: Indices  # [Q], of each pair, among the present sequences

    def part(self, where: slice) -> Shown:
        """Adjacent studies, renumbered."""
        mine = (self.owner >= where.start) & (self.owner < where.stop)
        before = int(self.present[: where.start].sum())
        return Shown(
            self.studies[where], self.present[where], self.pairs[mine], self.owner[mine] - where.start,
            self.rows[mine] - before,
        )  # fmt: skip


@dataclass(frozen=True)
class StudyBatch:
    """This rank's slice, on the device."""

    shown: Shown
    voxels: Tensor  # uint8 [B, S, Z, H, W]
    ids: Tensor  # int64 [Q, L]
    seed: int  # of dropout, where the text tower has some
    every: Shown  # the same of the whole batch, all ranks'

    def __len__(self) -> int:
        return len(self.voxels)

    def parts(self, size: int) -> Iterator[StudyBatch]:
        for a in range(0, len(self), size):
            where = slice(a, min(a + size, len(self)))
            first, last = np.searchsorted(self.shown.owner, (where.start, where.stop))  # pairs are sorted by study
            yield StudyBatch(
                self.shown.part(where), self.voxels[where], self.ids[first:last], self.seed + a, self.every
            )


class StudyTask:
    """One study model over one training set."""

    def __init__(
        self, config: StudyTrainConfig, model: StudyModel, tokenizer: PreTrainedTokenizerBase, samples: StudySamples,
        folder: Path, options: RunOptions, world: ProcessGroup,
    ) -> None:  # fmt: skip
        if isinstance(model, VolumeStudyModel) and config.optim.micro_batch:
            raise SettingInvalid("optim.micro_batch", "batch normalisation sees a batch whole: it must be 0")
        self.config, self.world, self.device = config, world, torch.device(options.device)
        self.samples = as_units(samples, config.data.unit, config.loss.normal_text)
        torch.manual_seed(config.seed)
        self.model = model.to(self.device).train()
        self.model.save_memory(config.checkpoint_slices)
        if options.compile:
            self.model.compile_towers()
        self.model.logit_scale.requires_grad_(config.loss.learn_scale)
        self.extra: dict[str, Tensor] = {}
        self._tokens = Tokens(tokenizer, self.samples.texts, model.config.text.context)
        self._tokens.tell_cut()
        self._objective = StudyObjective(config.loss, config.study_weight, self.samples, folder / "sentences", world)
        self.plan = plan_of(config, self.samples)
        self.precision = config.precision

    @property
    def log_scale(self) -> Tensor:
        return self.model.logit_scale

    @property
    def facts(self) -> dict[str, float]:
        """Share of tokens cut; entropy of the targets; pairs that an epoch leaves out, so that no text stands twice."""

        def entropy(step: int) -> dict[str, float]:
            every = self.shown_at(step)
            return self._objective.entropy(every.pairs, every.studies)

        waiting = {"pairs_waiting": float(self.plan.waiting)} if isinstance(self.plan, UniqueTexts) else {}
        return {"tokens_cut": self._tokens.share_cut, **waiting, **mean_over_batches(self.plan, entropy)}

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, StudyBatch]]:
        for step, (every, mine, voxels, ids) in read_ahead(self._read, start, stop):
            yield step, self._batch(step, every, mine, voxels, ids)

    def _read(self, step: int) -> tuple[Shown, Shown, Tensor, Tensor]:
        """What all ranks see, what this one sees, its voxels and tokens. Drawn for the whole batch, for any ranks."""
        every = self.shown_at(step)
        mine = every.part(self.plan.share(self.world.rank, self.world.size))
        voxels, ids = self.samples.voxels[torch.from_numpy(mine.studies)], self._tokens.batch(mine.pairs)
        return every, mine, pinned(voxels, self.device), pinned(ids, self.device)

    def _batch(self, step: int, every: Shown, mine: Shown, held: Tensor, tokens: Tensor) -> StudyBatch:
        where = self.plan.share(self.world.rank, self.world.size)
        voxels = held.to(self.device, non_blocking=True)
        # A generator for each rank's first study: what a study gets does not depend on the ranks.
        varied = [
            vary(each[None], self.config.data, np.random.default_rng((self.config.seed, step, 1, int(number))))
            for each, number in zip(voxels, mine.studies, strict=True)
        ]
        ids = tokens.to(self.device, non_blocking=True)
        seed = (self.config.seed * MOST_STEPS + step) * self.plan.size + where.start
        return StudyBatch(mine, torch.cat(varied), ids, seed, every)

    def shown_at(self, step: int) -> Shown:
        """What the whole batch of a step sees, on the host."""
        return shown(self.samples, self.plan.at(step), self.config.data, (self.config.seed, step))

    def embed(self, batch: StudyBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Unit vectors: of the described sequences [Q, dim], of the studies [B, dim], of the descriptions [Q, dim]."""
        torch.manual_seed(batch.seed)  # the same dropout however often, and after whatever, a batch is embedded
        with computing(self.device.type, self.config.precision):
            found = self.model(batch.voxels, batch.shown.present)
            texts = self.model.texts(batch.ids)
        return found.sequences[torch.from_numpy(batch.shown.rows).to(self.device)], found.studies, texts

    def loss(self, step: int, batch: StudyBatch) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        every, owner = batch.every, torch.from_numpy(batch.shown.owner).to(self.device)

        def value(sequences: Tensor, studies: Tensor, texts: Tensor) -> Tensor:
            scale = self.log_scale.exp().clamp(max=self.config.loss.max_scale)
            return self._objective(sequences, studies, texts, owner, scale, every.pairs, every.studies)

        return value

    def after_step(self) -> None:
        with torch.no_grad():
            self.log_scale.clamp_(0.0, math.log(self.config.loss.max_scale))

    def finish(self) -> None:
        self.model.save_memory(0)
        self.model.eval()


def plan_of(config: StudyTrainConfig, samples: StudySamples) -> Plan:
    """``samples`` are units, as `as_units` makes them. Raises `SettingInvalid`."""
    if not config.data.unique_texts:
        return Order(len(samples), config.optim.batch, config.seed)
    if config.data.unit != "volume":
        raise SettingInvalid("data.unique_texts", "it needs data.unit=volume: a study has several texts")
    number: dict[str, int] = {}
    return UniqueTexts(
        [number.setdefault(text, len(number)) for text in samples.texts], config.optim.batch, config.seed
    )


def shown(samples: StudySamples, studies: np.ndarray, config: StudyDataConfig, seed: tuple[int, int]) -> Shown:
    """What a step sees of ``studies``: some sequences hidden, at least one with a description left."""
    rng = np.random.default_rng(seed)
    numbers = torch.from_numpy(studies)
    present = samples.present[numbers].clone()
    keep = torch.from_numpy(rng.random(present.shape) >= config.drop_sequences)
    kept = present & keep
    described = _described(samples, numbers)
    none = ~(kept & described).any(1)
    kept[none] = present[none]
    pairs = samples.pairs_of(numbers)
    place = {int(study): n for n, study in enumerate(numbers)}
    owner = torch.tensor([place[int(each)] for each in samples.owner[pairs]], dtype=torch.int64)
    visible = kept[owner, samples.sequence[pairs]]
    pairs, owner = pairs[visible], owner[visible]
    row = kept.flatten().cumsum(0).view(kept.shape) - 1
    found = numbers, kept, pairs, owner, row[owner, samples.sequence[pairs]]
    return Shown(*(each.numpy() for each in found))


def _described(samples: StudySamples, studies: Tensor) -> Tensor:
    """bool [B, S]: which sequences have a description."""
    out = torch.zeros(len(studies), samples.present.shape[1], dtype=torch.bool)
    for n, study in enumerate(studies):
        out[n, samples.sequence[samples.pairs_of(study[None])]] = True
    return out
