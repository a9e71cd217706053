"""``journalclip bench similarity``: does the similarity-enhanced loss retrieve better than plain CLIP, all else equal?

One world of paraphrased near-duplicates, one architecture, one optimiser, the same seeds; only the loss differs. Each
value is a mean over seeds with its 95 % interval.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from journalclip_modeling.scratch import ScratchConfig
from journalclip_training.base import load_base
from journalclip_training.config import DataConfig, LossConfig, ModelConfig, OptimConfig, TrainConfig
from journalclip_training.fit import fit
from journalclip_training.study.score import interval, mean_average_precision, recall_at_1
from journalclip_training.study.world import SIZE, World, draw_world

TRAIN_PAIRS, TEST_PAIRS = 1024, 256  # 32 and 8 of each of the 32 facts
TOWERS = ScratchConfig(image_size=SIZE, patch_size=8, width=48, layers=2, heads=3, dim=32, vocabulary=400, context=24)

SOFT = LossConfig(kind="soft", lam=0.8, alpha=0.5, tau_s=0.05, syntax="fields", semantic="hashing")


@dataclass(frozen=True)
class Row:
    """One loss's scores over the seeds."""

    name: str
    recall_at_1: tuple[float, float, float]  # mean and interval
    mean_average_precision: tuple[float, float, float]
    recalls: tuple[float, ...]


def main_rows() -> dict[str, LossConfig]:
    """Every loss, once."""
    return {
        "clip": LossConfig(kind="clip"),
        "soft": SOFT,
        "siglip": LossConfig(kind="siglip", temperature=0.1),
        "medclip": LossConfig(kind="medclip"),
        "sat": replace(SOFT, kind="sat", sat_positive=0.9, sat_neutral=0.6),
        "multi_positive": LossConfig(kind="multi_positive"),
    }


def ablation_rows() -> dict[str, LossConfig]:
    """One setting changed at a time."""
    rows = {f"lam={lam}": replace(SOFT, lam=lam) for lam in (0.2, 0.8)}
    rows |= {f"alpha={alpha}": replace(SOFT, alpha=alpha) for alpha in (0.0, 1.0)}
    rows |= {f"tau_s={tau}": replace(SOFT, tau_s=tau) for tau in (0.02, 0.2)}
    for name in ("edit", "bleu", "dice"):
        rows[f"syntax={name}"] = replace(SOFT, syntax=name)
        rows[f"syntax={name} alpha=1"] = replace(SOFT, syntax=name, alpha=1.0)
    return rows


def config(loss: LossConfig, seed: int, epochs: float) -> TrainConfig:
    return TrainConfig(
        recipe="similarity-study",
        seed=seed,
        data=DataConfig(),
        model=ModelConfig(scratch=TOWERS),
        loss=loss,
        optim=OptimConfig(lr=2e-3, epochs=epochs, batch=128, warmup=0.1, weight_decay=0.2),
    )


def study(
    losses: dict[str, LossConfig], seeds: Sequence[int], epochs: float, tick: Callable[[str], None]
) -> Iterator[Row]:
    """A row a loss, as it is done."""
    for name, loss in losses.items():
        scores = []
        for seed in seeds:
            scores.append(_one(config(loss, seed, epochs)))
            tick(f"{name} seed {seed}: R@1 {scores[-1][0]:.3f}")
        recalls = tuple(score[0] for score in scores)
        yield Row(name, interval(recalls), interval([score[1] for score in scores]), recalls)


def _one(run: TrainConfig) -> tuple[float, float]:
    train, test = draw_world(TRAIN_PAIRS, seed=2 * run.seed), draw_world(TEST_PAIRS, seed=2 * run.seed + 1)
    return trained_scores(run, train, test)


def trained_scores(run: TrainConfig, train: World, test: World) -> tuple[float, float]:
    """Recall@1 and mean average precision on ``test`` after training on ``train``."""
    start = load_base(run, train.samples.texts)
    with tempfile.TemporaryDirectory() as folder:
        fit(run, start, train.samples, Path(folder))
    return recall_at_1(start, test), mean_average_precision(start, test)
