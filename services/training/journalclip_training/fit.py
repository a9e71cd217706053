"""The fit core: what is trained and how it is optimised in; a trained model out. One loop for every kind.

What differs between figures and studies (samples, towers, the step's loss) stands behind `FitTask`. Deterministic on a
CPU: the same task and configuration give the same weights, also when the run was killed and resumed from its
checkpoint, since every random choice is a function of seed and step.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from journalclip_modeling.folder import ClipFolder
from journalclip_training.batches import Order, Plan
from journalclip_training.checkpoint import Point, Saved, State, load, save
from journalclip_training.config import OptimConfig, Precision, RunOptions, TrainConfig
from journalclip_training.errors import TrainingDiverged
from journalclip_training.figures import FigureTask
from journalclip_training.losses.process_group import ProcessGroup, Single
from journalclip_training.optim import Average, adamw, gradient_norm, rate, set_rate
from journalclip_training.precision import LEAST_SCALE, loss_scaler
from journalclip_training.samples import Samples, together
from journalclip_training.step import Parted, backward
from journalclip_training.validation import Best, Score, Validated, due, moving

Observe = Callable[[Point, int], None]
B = TypeVar("B", bound=Parted)

_log = logging.getLogger(__name__)
BUCKET_ELEMENTS = 1 << 24  # 64 MiB of float32 an exchange: few of them, and little memory beside the gradients
CURVE_POINTS = 1000  # a loss curve has about as many points as a wide screen has pixels


class FitTask(Protocol[B]):
    """One kind of model over one training set."""

    @property
    def model(self) -> nn.Module:
        """Trained in place, on the run's device; its trainable weights are chosen."""
        ...

    @property
    def extra(self) -> dict[str, Tensor]:
        """Scalars that are learnt beside the model's weights."""
        ...

    @property
    def log_scale(self) -> Tensor: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def precision(self) -> Precision:
        """What its towers compute in."""
        ...

    @property
    def facts(self) -> dict[str, float]:
        """What is known of the training set: share of tokens cut, entropy of the targets."""
        ...

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, B]]:
        """``(step, this rank's batch on the device)`` for each step."""
        ...

    def embed(self, batch: B) -> tuple[Tensor, ...]:
        """The vectors that the loss contrasts; the same for the same batch, however often it is asked."""
        ...

    def loss(self, step: int, batch: B) -> Callable[..., Tensor]:
        """A function from the vectors of the whole of ``batch`` to the scalar loss of ``step``."""
        ...

    def after_step(self) -> None:
        """Put bounded values back into their bounds."""
        ...

    def finish(self) -> None:
        """Leave a plain model in evaluation mode."""
        ...


@dataclass(frozen=True)
class Fitted:
    """What a run leaves besides the weights, which are in the start's model: those of the best validation, if any."""

    steps: int
    curve: tuple[Point, ...]
    history: tuple[Validated, ...] = ()
    facts: dict[str, float] = field(default_factory=dict)  # `FitTask.facts`

    @property
    def final_loss(self) -> float:
        return self.curve[-1].loss

    @property
    def kept(self) -> Validated | None:
        """The validation whose weights were kept; None: the last step's were."""
        return Best(self.history).kept


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
    world: ProcessGroup | None = None,
    replay: Samples | None = None,
    score: Score | None = None,
) -> Fitted:
    """Train ``start.model`` on figures in place; resume from ``folder`` where a run of this configuration was cut off.

    ``replay`` holds general pairs, of which ``config.forgetting.replay`` says how many each batch has; ``score`` as in
    `fit_task`. Raises `TrainingDiverged`, `CheckpointMismatch`.
    """
    options, world = options or RunOptions(), world or Single()
    order = order_of(config, len(samples), len(replay) if replay is not None else 0)
    everything = samples if replay is None else together(samples, replay)
    task = FigureTask(config, start, everything, order, folder, options, world)
    return fit_task(
        task, config.optim, config.digest, folder, options=options, observe=observe, world=world, score=score
    )


def order_of(config: TrainConfig, pairs: int, replayed: int = 0) -> Order:
    return Order(pairs, config.optim.batch, config.seed, replayed, config.forgetting.replay)


def steps_of(plan: Plan, config: OptimConfig) -> int:
    """How many steps a run has."""
    return config.steps or plan.steps(config.epochs)


def fit_task(
    task: FitTask[B],
    config: OptimConfig,
    digest: str,
    folder: Path,
    *,
    options: RunOptions | None = None,
    observe: Observe = nobody,
    world: ProcessGroup | None = None,
    score: Score | None = None,
) -> Fitted:
    """Train ``task.model`` in place, resuming from ``folder``; ``digest`` names the whole configuration.

    ``score`` is asked ``config.validations`` times by the first rank, and the best weights are kept; without it the
    last ones are. Raises `TrainingDiverged`, `CheckpointMismatch`.
    """
    return _Run(task, config, digest, folder, options or RunOptions(), world or Single(), score).go(observe)


class _Run(Generic[B]):
    def __init__(
        self, task: FitTask[B], config: OptimConfig, digest: str, folder: Path, options: RunOptions,
        world: ProcessGroup, score: Score | None,
    ) -> None:  # fmt: skip
        self.task, self.config, self.digest, self.options, self.world = task, config, digest, options, world
        self.score, self.best = score, Best()
        self.path = folder / "checkpoint.safetensors"
        self.steps = steps_of(task.plan, config)
        self.optimizer = adamw(task.model, task.extra, config)
        self.average = Average(task.model, config.ema)
        self.scaler = loss_scaler(task.log_scale.device.type, task.precision)
        self.state = State(task.model, self.optimizer, self.average, task.extra, self.best, self.scaler)

    def go(self, observe: Observe) -> Fitted:
        saved = load(self.path, self.state, self.digest) or Saved(0, ())
        curve, done, facts = list(saved.curve), saved.step, saved.facts or self.task.facts
        stop = done if self.best.stalled(self.config.patience) else self.steps
        keep_every = max(1, self.steps // CURVE_POINTS)
        for step, batch in self.task.batches(done, stop):
            point, done = self._step(step, batch), step + 1
            self._validate(done)
            last = done == self.steps or self.best.stalled(self.config.patience)
            if step % keep_every == 0 or last:
                curve.append(point)
            if self.world.rank == 0 and (last or done % self.options.checkpoint_every == 0):
                save(self.path, self.state, Saved(done, tuple(curve), self.best.history, facts), self.digest)
            observe(point, self.steps)
            if last:
                break
        self.average.apply(self.task.model)
        self.best.apply(self._weights())
        self.task.finish()
        return Fitted(done, tuple(curve), self.best.history, facts)

    def _validate(self, done: int) -> None:
        """Score the weights that the run would leave now; all ranks learn the score."""
        if self.score is None or not due(done, self.steps, self.config):
            return
        model = self.task.model
        with self.average.in_place(model):
            value = self.score() if self.world.rank == 0 else 0.0
            model.train()
            found = float(self.world.sum(torch.tensor([value], device=self.task.log_scale.device)))
            self.best.add(done, found, self._weights())
        kept = self.best.kept
        assert kept is not None, "one was just added"
        _log.info("step %d: validation score %.4f, best %.4f at step %d", done, found, kept.score, kept.step)

    def _weights(self) -> dict[str, Tensor]:
        return {**moving(self.task.model), **{f"extra.{name}": each for name, each in self.task.extra.items()}}

    def _step(self, step: int, batch: B) -> Point:
        lr = rate(step, self.steps, self.config)
        set_rate(self.optimizer, lr)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.task.loss(step, batch)
        value = backward(self.task.embed, loss, batch, self.config.micro_batch, self.scaler.scale)
        _must_be_finite(step, "the loss", value)
        self._average_gradients()
        norm = self._update(step)
        self.task.after_step()
        self.average.update(self.task.model, step)
        return Point(step, value, lr, math.exp(float(self.task.log_scale.detach())), norm)

    def _update(self, step: int) -> float:
        """The gradient norm; 0 where half precision's gradients overflowed: nothing moves, and the scale halves."""
        self.scaler.unscale_(self.optimizer)
        norm = gradient_norm(self.optimizer, self.config.clip)
        overflowed = self.scaler.is_enabled() and not math.isfinite(norm) and self.scaler.get_scale() > LEAST_SCALE
        if not overflowed:
            _must_be_finite(step, "the gradient norm", norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return 0.0 if overflowed else norm

    def _average_gradients(self) -> None:
        """The mean over ranks; alone there is nothing to do."""
        if self.world.size == 1:
            return
        gradients = [p.grad for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        for bucket in _buckets(gradients, BUCKET_ELEMENTS):
            flat = self.world.sum(torch.cat([each.flatten() for each in bucket])) / self.world.size
            for each, part in zip(bucket, torch.split(flat, [each.numel() for each in bucket]), strict=True):
                each.copy_(part.view_as(each))


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
