"""The fit core: a starting point, a training set and a configuration in; a trained model out. Plain PyTorch.

Deterministic on a CPU: the same start, samples and configuration give the same weights, also when the run was killed
and resumed from its checkpoint, since every random choice is a function of seed and step.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from journalclip_modeling.encoder import context_length
from journalclip_modeling.folder import ClipFolder
from journalclip_training.batches import Order
from journalclip_training.checkpoint import Point, Saved, State, load, save
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.errors import TrainingDiverged
from journalclip_training.feed import Feed
from journalclip_training.lora import add_lora, fold_lora
from journalclip_training.losses.world import Alone, World
from journalclip_training.objective import Objective
from journalclip_training.optim import Average, adamw, freeze, gradient_norm, rate, set_rate
from journalclip_training.samples import Samples, Tokens, texts_of, together
from journalclip_training.step import Batch, backward
from journalclip_training.towers import Towers, patches

Observe = Callable[[Point, int], None]

BUCKET_ELEMENTS = 1 << 24  # 64 MiB of float32 an exchange: few of them, and little memory beside the gradients
CURVE_POINTS = 1000  # a loss curve has about as many points as a wide screen has pixels


@dataclass(frozen=True)
class Fitted:
    """What a run leaves besides the weights, which are in the start's model."""

    steps: int
    curve: tuple[Point, ...]

    @property
    def final_loss(self) -> float:
        return self.curve[-1].loss


def nobody(point: Point, steps: int) -> None:
    """An observer that does nothing."""
    del point, steps


def fit(
    config: TrainConfig,
    start: ClipFolder,
    samples: Samples,
    folder: Path,
    *,
    options: RunOptions | None = None,
    observe: Observe = nobody,
    world: World | None = None,
    replay: Samples | None = None,
) -> Fitted:
    """Train ``start.model`` in place, resuming from ``folder`` where a run of this configuration was cut off.

    ``replay`` holds general pairs, of which ``config.forgetting.replay`` says how many each batch has.
    Raises `TrainingDiverged`, `CheckpointMismatch`.
    """
    order = order_of(config, len(samples), len(replay) if replay is not None else 0)
    everything = samples if replay is None else together(samples, replay)
    run = _Run(config, start, everything, order, folder, options or RunOptions(), world or Alone())
    return run.go(observe)


def order_of(config: TrainConfig, pairs: int, replayed: int = 0) -> Order:
    return Order(pairs, config.optim.batch, config.seed, replayed, config.forgetting.replay)


class _Run:
    def __init__(
        self, config: TrainConfig, start: ClipFolder, samples: Samples, order: Order, folder: Path,
        options: RunOptions, world: World,
    ) -> None:  # fmt: skip
        self.config, self.order, self.options, self.world = config, order, options, world
        self.path = folder / "checkpoint.safetensors"
        torch.manual_seed(config.seed)
        self.clip = start.model.to(options.device).train()
        freeze(self.clip, config.model.trainable)
        self.teacher = _teacher(start, config)
        self.lora = add_lora(self.clip, config.model.lora_rank) if config.model.trainable == "lora" else None
        if config.model.activation_checkpointing:
            self.clip.activation_checkpointing_enable()
        self.towers = Towers(self.clip, start.preprocess, config.model.bf16, config.model.patch_dropout)
        self.embed_pair = torch.compile(self.towers) if options.compile else self.towers
        self.objective = Objective(config.loss, samples, world, folder / "sentences")
        self.steps = self.order.steps(config.optim.epochs)
        self.feed = self._feed(start, samples)
        self.optimizer = adamw(self.clip, self.objective.extra, config.optim)
        self.average = Average(self.clip, config.optim.ema)
        self.state = State(self.clip, self.optimizer, self.average, self.objective.extra)

    def _feed(self, start: ClipFolder, samples: Samples) -> Feed:
        even, odd = texts_of(samples.pairs, self.config.data)
        context = context_length(start.model)
        first = Tokens(start.tokenizer, even, context)
        second = first if odd is even else Tokens(start.tokenizer, odd, context)
        drawn = patches(start.model) if self.config.model.patch_dropout else 0
        device = torch.device(self.options.device)
        return Feed(samples.pictures, (first, second), self.order, drawn, device, self.world.rank, self.world.size)

    def go(self, observe: Observe) -> Fitted:
        saved = load(self.path, self.state, self.config.digest) or Saved(0, ())
        curve = list(saved.curve)
        keep_every = max(1, self.steps // CURVE_POINTS)
        for step, batch in self.feed.batches(saved.step, self.steps):
            point = self._step(step, batch)
            last = step + 1 == self.steps
            if step % keep_every == 0 or last:
                curve.append(point)
            if self.world.rank == 0 and (last or (step + 1) % self.options.checkpoint_every == 0):
                save(self.path, self.state, Saved(step + 1, tuple(curve)), self.config.digest)
            observe(point, self.steps)
        self.average.apply(self.clip)
        if self.lora is not None:
            fold_lora(self.lora)
        self.clip.eval()
        return Fitted(self.steps, tuple(curve))

    def _step(self, step: int, batch: Batch) -> Point:
        lr = rate(step, self.steps, self.config.optim)
        set_rate(self.optimizer, lr)
        self.optimizer.zero_grad(set_to_none=True)
        indices = self.order.at(step)

        taught = self._taught(batch)

        def loss(v: Tensor, t: Tensor) -> Tensor:
            value = self.objective(v, t, self.clip.logit_scale, indices)
            for ours, theirs in zip((v, t), taught, strict=False):
                apart = (1 - (ours * theirs).sum(1)).sum() * (self.world.size / self.order.size)  # a mean over ranks
                value = value + self.config.forgetting.distil * apart
            return value

        value = backward(self._embed, loss, batch, self.config.optim.micro_batch)
        _must_be_finite(step, "the loss", value)
        self._average_gradients()
        norm = gradient_norm(self.optimizer, self.config.optim.clip)
        _must_be_finite(step, "the gradient norm", norm)
        self.optimizer.step()
        self.objective.cap(self.clip.logit_scale)
        self.average.update(self.clip, step)
        return Point(step, value, lr, math.exp(float(self.clip.logit_scale.detach())), norm)

    def _embed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        v, t = self.embed_pair(batch.pixels, batch.ids, batch.chance, self.config.data.augment)
        return v, t

    def _taught(self, batch: Batch) -> tuple[Tensor, ...]:
        """What the starting model makes of the batch; nothing where there is no distillation."""
        if self.teacher is None:
            return ()
        with torch.no_grad():
            parts = [
                self.teacher(part.pixels, part.ids, part.chance, self.config.data.augment)
                for part in batch.parts(self.config.optim.micro_batch or len(batch))
            ]
        return tuple(torch.cat(each) for each in zip(*parts, strict=True))

    def _average_gradients(self) -> None:
        """The mean over ranks; alone there is nothing to do."""
        if self.world.size == 1:
            return
        gradients = [p.grad for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        for bucket in _buckets(gradients, BUCKET_ELEMENTS):
            flat = self.world.sum(torch.cat([each.flatten() for each in bucket])) / self.world.size
            for each, part in zip(bucket, torch.split(flat, [each.numel() for each in bucket]), strict=True):
                each.copy_(part.view_as(each))


def _teacher(start: ClipFolder, config: TrainConfig) -> Towers | None:
    """A frozen copy of the starting model, for distillation; it sees whole pictures."""
    if not config.forgetting.distil:
        return None
    return Towers(copy.deepcopy(start.model).requires_grad_(False).eval(), start.preprocess, config.model.bf16)


def _buckets(tensors: Sequence[Tensor], elements: int) -> Iterator[list[Tensor]]:
    """Runs of tensors that together hold about ``elements``."""
    bucket: list[Tensor] = []
    for each in tensors:
        bucket.append(each)
        if sum(one.numel() for one in bucket) >= elements:
            yield bucket
            bucket = []
    if bucket:
        yield bucket


def _must_be_finite(step: int, what: str, value: float) -> None:
    if not math.isfinite(value):
        raise TrainingDiverged(step, what, value)
