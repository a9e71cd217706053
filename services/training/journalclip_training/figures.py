"""Figures as a `journalclip_training.fit.FitTask`: a CLIP model, pictures by index, captions, distillation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from journalclip_modeling.family import context_length, fixed_length, keep_bias, learned
from journalclip_modeling.folder import ClipFolder
from journalclip_training.batches import Order, mean_over_batches
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.feed import Feed, Texts
from journalclip_training.locked import Projections, check_locked, locked_pictures, locked_texts
from journalclip_training.lora import add_lora, fold_lora
from journalclip_training.losses.process_group import ProcessGroup
from journalclip_training.objective import Objective
from journalclip_training.optim import freeze
from journalclip_training.pictures import Pictures
from journalclip_training.samples import Samples, Tokens, texts_of
from journalclip_training.step import Batch
from journalclip_training.towers import Towers, patches


class FigureTask:
    """``samples`` are numbered as ``plan`` numbers them: the run's own pairs, then the replayed ones."""

    def __init__(
        self, config: TrainConfig, start: ClipFolder, samples: Samples, plan: Order, folder: Path,
        options: RunOptions, world: ProcessGroup,
    ) -> None:  # fmt: skip
        self.config, self.plan, self.options, self.world = config, plan, options, world
        torch.manual_seed(config.seed)
        self.model = start.model.to(options.device).train()
        freeze(self.model, config.model.trainable)
        self.model.logit_scale.requires_grad_(config.loss.learn_scale)
        self._teacher = _teacher(start, config)
        self._lora = add_lora(self.model, config.model.lora_rank) if config.model.trainable == "lora" else None
        if config.model.activation_checkpointing:
            self.model.activation_checkpointing_enable()
        towers = _towers(start, config)
        self._embed = torch.compile(towers) if options.compile else towers
        self._objective = Objective(config.loss, samples, world, folder / "sentences", learned(self.model).bias)
        self.extra = self._objective.extra
        self.precision = config.model.precision
        self._feed = self._fed(start, samples)

    @property
    def log_scale(self) -> Tensor:
        scale: Tensor = self.model.logit_scale
        return scale

    def _fed(self, start: ClipFolder, samples: Samples) -> Feed:
        context, fixed = context_length(start.model), fixed_length(start.model)
        turns = texts_of(samples.pairs, self.config.data, self.config.seed)
        tokens = [Tokens(start.tokenizer, each, context, fixed) for each in turns]
        tokens[0].tell_cut()
        drawn = patches(start.model) if self.config.model.patch_dropout else 0
        device = torch.device(self.options.device)
        pictures: Pictures = samples.pictures
        texts: tuple[Texts, ...] = tuple(tokens)
        if self.config.model.trainable == "projections":
            precision = self.config.model.precision
            pictures = locked_pictures(start.model, start.preprocess, pictures, precision)
            texts = tuple(locked_texts(start.model, each, precision) for each in tokens)
        return Feed(pictures, texts, self.plan, drawn, device, self.world.rank, self.world.size)

    @property
    def facts(self) -> dict[str, float]:
        """Share of tokens cut, of the captions where records take turns with them; entropy of the targets."""
        entropy = mean_over_batches(self.plan, lambda step: self._objective.entropy(self.plan.at(step)))
        return {"tokens_cut": self._feed.tokens[0].share_cut, **entropy}

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, Batch]]:
        return self._feed.batches(start, stop)

    def embed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Unit vectors of pictures and texts, [n, dim] each."""
        v, t = self._embed(batch.pixels, batch.ids, batch.chance, self.config.data.augment)
        return v, t

    def loss(self, step: int, batch: Batch) -> Callable[[Tensor, Tensor], Tensor]:
        indices, taught = self.plan.at(step), self._taught(batch)

        def value(v: Tensor, t: Tensor) -> Tensor:
            total = self._objective(v, t, self.log_scale, indices)
            for ours, theirs in zip((v, t), taught, strict=False):
                apart = (1 - (ours * theirs).sum(1)).sum() * (self.world.size / self.plan.size)  # a mean over ranks
                total = total + self.config.forgetting.distil * apart
            return total

        return value

    def after_step(self) -> None:
        self._objective.cap(self.log_scale)

    def finish(self) -> None:
        if self._lora is not None:
            fold_lora(self._lora)
        keep_bias(self.model, self.extra.get("bias"))
        self.model.eval()

    def _taught(self, batch: Batch) -> tuple[Tensor, ...]:
        """What the starting model makes of the batch; nothing where there is no distillation."""
        if self._teacher is None:
            return ()
        with torch.no_grad():
            parts = [
                self._teacher(part.pixels, part.ids, part.chance, self.config.data.augment)
                for part in batch.parts(self.config.optim.micro_batch or len(batch))
            ]
        return tuple(torch.cat(each) for each in zip(*parts, strict=True))


def _towers(start: ClipFolder, config: TrainConfig) -> Towers | Projections:
    """What makes unit vectors of a batch; locked towers have done their part before the first step."""
    if config.model.trainable == "projections":
        check_locked(start.model, config)
        return Projections(start.model)
    return Towers(start.model, start.preprocess, config.model.precision, config.model.patch_dropout)


def _teacher(start: ClipFolder, config: TrainConfig) -> Towers | Projections | None:
    """A frozen copy of the starting model, for distillation; it sees whole pictures."""
    if not config.forgetting.distil:
        return None
    model = copy.deepcopy(start.model).requires_grad_(False).eval()
    whole = replace(config, model=replace(config.model, patch_dropout=0.0))
    return _towers(replace(start, model=model), whole)
