"""Validation during training: a score on a fixed part now and then, and the weights of the best one.

The history and those weights are part of a checkpoint, so a run that was killed keeps what an undisturbed one keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from journalclip_training.batches import Indices
from journalclip_training.config import OptimConfig

MOST_UNITS = 512  # pairs or studies of the validation split that a score is of: enough to choose by, cheap to repeat
Score = Callable[[], float]  # of the model as it stands; higher is better. It may put the model into evaluation mode.


@dataclass(frozen=True)
class Validated:
    """The score after ``step`` steps."""

    step: int
    score: float


@dataclass
class Best:
    """What was scored, and the weights and buffers of the highest score, on the CPU; of equals the last."""

    history: tuple[Validated, ...] = ()
    weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def kept(self) -> Validated | None:
        return max(self.history, key=lambda each: (each.score, each.step), default=None)

    def add(self, step: int, score: float, weights: Mapping[str, Tensor]) -> None:
        self.history = (*self.history, Validated(step, score))
        if self.kept == self.history[-1]:
            self.weights = {name: each.detach().to("cpu", copy=True) for name, each in weights.items()}

    def apply(self, weights: Mapping[str, Tensor]) -> None:
        """Nothing where nothing was scored."""
        with torch.no_grad():
            for name, each in self.weights.items():
                weights[name].copy_(each)

    def stalled(self, patience: int) -> bool:
        """Were the last ``patience`` scores no better than one before them? Never with 0."""
        scores = [each.score for each in self.history]
        return 0 < patience < len(scores) and max(scores[-patience:]) <= max(scores[:-patience])


def moving(model: nn.Module) -> dict[str, Tensor]:
    """Trainable weights, and buffers as those of batch normalisation, by name."""
    frozen = {name for name, each in model.named_parameters(remove_duplicate=False) if not each.requires_grad}
    return {name: each for name, each in model.state_dict(keep_vars=True).items() if name not in frozen}


def due(done: int, steps: int, config: OptimConfig) -> bool:
    """Is there a validation after ``done`` of ``steps`` steps? The last step has one where any has."""
    if not config.validations:
        return False
    return done == steps or done % -(-steps // config.validations) == 0


def fixed_part(units: int) -> Indices:
    """The same numbers each time, in order: all, or `MOST_UNITS` drawn of them."""
    return np.sort(np.random.default_rng(0).permutation(units)[:MOST_UNITS]).astype(np.int64)
