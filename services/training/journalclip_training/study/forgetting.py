"""``journalclip bench forgetting``: what fine-tuning on a shifted domain costs, and what the sweep saves.

A model is trained on a general world (the start), then fine-tuned on another domain that shares shades and places but
not shapes. Scores are recall@1 by fact on unseen pictures of both worlds; the sweep then looks for a point of the line
between the two models that keeps the domain's gain and loses little of the general score.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from journalclip_modeling.scratch import ScratchConfig
from journalclip_training.base import load_base
from journalclip_training.config import ForgettingConfig, LossConfig, ModelConfig, OptimConfig, TrainConfig
from journalclip_training.fit import fit
from journalclip_training.study.score import recall_at_1
from journalclip_training.study.similarity import TOWERS
from journalclip_training.study.world import draw_world
from journalclip_training.wise import Point, choose, sweep, weights

ALPHAS = tuple(n / 20 for n in range(1, 20))


@dataclass(frozen=True)
class Forgetting:
    """Scores before, after and at the kept point; ``kept_gain`` is the share of the domain's gain that is kept."""

    points: tuple[Point, ...]
    kept: Point

    @property
    def start(self) -> Point:
        return self.points[0]

    @property
    def tuned(self) -> Point:
        return self.points[-1]

    @property
    def kept_gain(self) -> float:
        return (self.kept.domain - self.start.domain) / max(1e-9, self.tuned.domain - self.start.domain)

    @property
    def general_loss(self) -> float:
        return self.start.general - self.kept.general


def forgetting(seed: int, cap: float = 0.01, epochs: float = 40, tuning: OptimConfig | None = None) -> Forgetting:
    """One seed's study."""
    general, general_test = draw_world(1024, seed=10 + seed), draw_world(256, seed=20 + seed)
    domain, domain_test = draw_world(1024, 30 + seed, shift=True), draw_world(256, 40 + seed, shift=True)
    towers: ScratchConfig = TOWERS
    base = TrainConfig(
        recipe="forgetting-study",
        seed=seed,
        model=ModelConfig(scratch=towers),
        loss=LossConfig(kind="soft", lam=0.5, tau_s=0.05),
        optim=OptimConfig(lr=2e-3, epochs=epochs, batch=128, warmup=0.1),
    )
    # The tokenizer must know both worlds' words, as a pretrained one does.
    model = load_base(base, general.samples.texts + domain.samples.texts)
    with tempfile.TemporaryDirectory() as folder:
        fit(base, model, general.samples, Path(folder) / "general")
        start = weights(model.model)
        tune = replace(
            base,
            optim=tuning or OptimConfig(lr=5e-4, epochs=epochs / 2, batch=128, warmup=0.1),
            forgetting=ForgettingConfig(distil=0.0),
        )
        fit(tune, model, domain.samples, Path(folder) / "domain")
    points = sweep(model, start, ALPHAS, lambda m: recall_at_1(m, domain_test), lambda m: recall_at_1(m, general_test))
    return Forgetting(points, choose(points, cap))
