"""The fit core over studies: plain PyTorch, resumable, deterministic on a CPU. `journalclip_training.fit` is its model.

Every random choice (order, hidden sequences, shifts, gains) is a function of seed and step, so a run that was killed
goes on from its checkpoint to the very same weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from journalclip_modeling.studies.model import StudyModel
from journalclip_training.batches import Order
from journalclip_training.checkpoint import Point, Saved, State, load, save
from journalclip_training.config import RunOptions
from journalclip_training.errors import TrainingDiverged
from journalclip_training.fit import CURVE_POINTS, Fitted, Observe, nobody
from journalclip_training.optim import Average, adamw, gradient_norm, rate, set_rate
from journalclip_training.samples import Tokens
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.objective import StudyObjective
from journalclip_training.studies.samples import StudySamples


def fit_studies(
    config: StudyTrainConfig,
    model: StudyModel,
    tokenizer: PreTrainedTokenizerBase,
    samples: StudySamples,
    folder: Path,
    *,
    options: RunOptions | None = None,
    observe: Observe = nobody,
) -> Fitted:
    """Train ``model`` in place, resuming from ``folder``. Raises `TrainingDiverged`, `CheckpointMismatch`."""
    return _Run(config, model, tokenizer, samples, folder, options or RunOptions()).go(observe)


@dataclass(frozen=True)
class _Shown:
    """One batch: which studies, what of them is visible, and the pairs that belong to it."""

    studies: Tensor
    voxels: Tensor
    present: Tensor
    pairs: Tensor
    owner: Tensor  # of each pair, in the batch
    rows: Tensor  # of each pair, among the present sequences


class _Run:
    def __init__(
        self, config: StudyTrainConfig, model: StudyModel, tokenizer: PreTrainedTokenizerBase, samples: StudySamples,
        folder: Path, options: RunOptions,
    ) -> None:  # fmt: skip
        self.config, self.options, self.samples = config, options, samples
        self.path = folder / "checkpoint.safetensors"
        self.device = torch.device(options.device)
        self.model = model.to(self.device).train()
        self.tokens = Tokens(tokenizer, samples.texts, config.model.text.context)
        self.objective = StudyObjective(config.loss, config.study_weight, samples, folder / "sentences")
        self.order = Order(len(samples), config.optim.batch, config.seed)
        self.steps = self.order.steps(config.optim.epochs)
        self.optimizer = adamw(self.model, {}, config.optim)
        self.average = Average(self.model, config.optim.ema)
        self.state = State(self.model, self.optimizer, self.average, {})

    def go(self, observe: Observe) -> Fitted:
        saved = load(self.path, self.state, self.config.digest) or Saved(0, ())
        curve, keep = list(saved.curve), max(1, self.steps // CURVE_POINTS)
        for step in range(saved.step, self.steps):
            point, last = self._step(step), step + 1 == self.steps
            if step % keep == 0 or last:
                curve.append(point)
            if last or (step + 1) % self.options.checkpoint_every == 0:
                save(self.path, self.state, Saved(step + 1, tuple(curve)), self.config.digest)
            observe(point, self.steps)
        self.average.apply(self.model)
        self.model.eval()
        return Fitted(self.steps, tuple(curve))

    def _step(self, step: int) -> Point:
        lr = rate(step, self.steps, self.config.optim)
        set_rate(self.optimizer, lr)
        self.optimizer.zero_grad(set_to_none=True)
        batch = shown(self.samples, self.order.at(step), self.config.data, (self.config.seed, step))
        features = self.model(batch.voxels.to(self.device), batch.present.to(self.device))
        ids = self.tokens.batch(batch.pairs.numpy())
        texts = self.model.texts(ids.to(self.device))
        scale = self.model.logit_scale.exp().clamp(max=self.config.loss.max_scale)
        loss = self.objective(
            features, batch.rows.to(self.device), texts, batch.owner.to(self.device), scale, batch.pairs, batch.studies
        )
        loss.backward()  # type: ignore[no-untyped-call]
        _must_be_finite(step, "the loss", float(loss.detach()))
        norm = gradient_norm(self.optimizer, self.config.optim.clip)
        _must_be_finite(step, "the gradient norm", norm)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0.0, math.log(self.config.loss.max_scale))
        self.average.update(self.model, step)
        return Point(step, float(loss.detach()), lr, math.exp(float(self.model.logit_scale.detach())), norm)


def shown(samples: StudySamples, studies: np.ndarray, config: StudyDataConfig, seed: tuple[int, int]) -> _Shown:
    """What a step sees of ``studies``: some sequences hidden, all moved and brightened a little."""
    rng = np.random.default_rng(seed)
    numbers = torch.from_numpy(studies)
    present = samples.present[numbers].clone()
    keep = torch.from_numpy(rng.random(present.shape) >= config.drop_sequences)
    kept = present & keep
    described = _described(samples, numbers)
    none = ~(kept & described).any(1)
    kept[none] = present[none]
    voxels = vary(samples.voxels[numbers], config, rng)
    pairs = samples.pairs_of(numbers)
    place = {int(study): n for n, study in enumerate(numbers)}
    owner = torch.tensor([place[int(each)] for each in samples.owner[pairs]], dtype=torch.int64)
    visible = kept[owner, samples.sequence[pairs]]
    pairs, owner = pairs[visible], owner[visible]
    row = kept.flatten().cumsum(0).view(kept.shape) - 1
    return _Shown(numbers, voxels, kept, pairs, owner, row[owner, samples.sequence[pairs]])


def vary(voxels: Tensor, config: StudyDataConfig, rng: np.random.Generator) -> Tensor:
    """uint8 [B, S, Z, H, W], each study moved by whole pixels and scaled in brightness, the same for all sequences."""
    if not config.shift and not config.brightness:
        return voxels
    moves = rng.integers(-config.shift, config.shift + 1, (len(voxels), 2))
    gains = rng.normal(1, config.brightness, len(voxels)) if config.brightness else np.ones(len(voxels))
    out = torch.empty_like(voxels)
    for n, (move, gain) in enumerate(zip(moves, gains, strict=True)):
        moved = torch.roll(voxels[n], (int(move[0]), int(move[1])), (-2, -1))  # the border is background
        out[n] = (moved.float() * float(gain)).clamp_(0, 255).to(torch.uint8)
    return out


def _described(samples: StudySamples, studies: Tensor) -> Tensor:
    """bool [B, S]: which sequences have a description."""
    out = torch.zeros(len(studies), samples.present.shape[1], dtype=torch.bool)
    for n, study in enumerate(studies):
        out[n, samples.sequence[samples.pairs_of(study[None])]] = True
    return out


def _must_be_finite(step: int, what: str, value: float) -> None:
    if not math.isfinite(value):
        raise TrainingDiverged(step, what, value)
