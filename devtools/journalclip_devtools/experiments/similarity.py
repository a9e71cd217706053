"""``journalclip bench similarity``: does the similarity-enhanced loss retrieve better than plain CLIP, all else equal?

One world of paraphrased near-duplicates, one architecture, one optimiser, the same seeds and as many steps; only the
loss differs, or the one thing an arm's name says. Settings were chosen on seed 100, which no table shows. Each value is
a mean over seeds with its 95 % interval.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import torch

from journalclip_devtools.experiments.score import mean_average_precision, recall_at_1
from journalclip_devtools.experiments.world import SIZE, World, draw_world
from journalclip_evaluation.once import once
from journalclip_evaluation.student import interval
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.ids import Json
from journalclip_training.base import load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import DataConfig, LossConfig, ModelConfig, OptimConfig, TrainConfig
from journalclip_training.fit import fit

PAIRS, TEST_PAIRS = 512, 768  # 16 and 24 of each of the 32 facts
BATCH, LOOKS = 128, 4  # a run is scored at each quarter of its steps
TOWERS = ScratchConfig(image_size=SIZE, patch_size=8, width=48, layers=2, heads=3, dim=32, vocabulary=400, context=24)

SOFT = LossConfig(kind="soft", lam=0.8, alpha=0.5, tau_s=0.1, syntax="fields", semantic="hashing")


@dataclass(frozen=True)
class Arm:
    """One way to train: ``pairs`` in the training world, ``wrong`` the share of records that describe another fact."""

    loss: LossConfig
    pairs: int = PAIRS
    wrong: float = 0.0


@dataclass(frozen=True)
class Score:
    """On unseen pairs at the end; ``best_recall_at_1`` is the highest of the looks, as if stopped there."""

    recall_at_1: float
    mean_average_precision: float
    best_recall_at_1: float


@dataclass(frozen=True)
class Row:
    """One arm's scores over the seeds: mean and interval each."""

    name: str
    recall_at_1: tuple[float, float, float]
    mean_average_precision: tuple[float, float, float]
    best_recall_at_1: tuple[float, float, float]
    recalls: tuple[float, ...]


def main_arms() -> dict[str, Arm]:
    """Every loss of the house that this world tells apart: no figure of it has two pairs."""
    losses = {
        "clip": LossConfig(kind="clip"),
        "soft": SOFT,
        "siglip": LossConfig(kind="siglip", temperature=0.1),
        "medclip": LossConfig(kind="medclip"),
        "sat": replace(SOFT, kind="sat", sat_positive=0.9, sat_neutral=0.6),
    }
    return {name: Arm(loss) for name, loss in losses.items()}


def ablation_arms() -> dict[str, Arm]:
    """One setting of the soft loss changed at a time, then both losses where the world is another."""
    changed: dict[str, LossConfig] = {f"lam={lam}": replace(SOFT, lam=lam) for lam in (0.2, 0.5, 1.0)}
    changed |= {f"alpha={alpha}": replace(SOFT, alpha=alpha) for alpha in (0.0, 1.0)}
    changed |= {f"tau_s={tau}": replace(SOFT, tau_s=tau) for tau in (0.03, 0.3)}
    for name in ("edit", "bleu", "dice"):  # alone: in the mixture each has only half a say
        changed[f"syntax={name} alpha=1"] = replace(SOFT, syntax=name, alpha=1.0)
    changed["semantic=minilm alpha=0"] = replace(SOFT, semantic="minilm", alpha=0.0)
    arms = {name: Arm(loss) for name, loss in changed.items()}
    arms["wrong=0.2"] = Arm(SOFT, wrong=0.2)
    for pairs in (256, 2048):
        arms[f"clip pairs={pairs}"] = Arm(LossConfig(kind="clip"), pairs)
        arms[f"soft pairs={pairs}"] = Arm(SOFT, pairs)
    return arms


def config(arm: Arm, seed: int, epochs: float) -> TrainConfig:
    """``epochs`` are of a world of `PAIRS`; another has as many steps."""
    return TrainConfig(
        recipe="similarity-study",
        seed=seed,
        data=DataConfig(),
        model=ModelConfig(scratch=TOWERS),
        loss=arm.loss,
        optim=OptimConfig(lr=3e-3, epochs=epochs * PAIRS / arm.pairs, batch=BATCH, warmup=0.1, weight_decay=0.2),
    )


def study(
    arms: Mapping[str, Arm], seeds: Sequence[int], epochs: float, folder: Path, tick: Callable[[str], None]
) -> Iterator[Row]:
    """A row an arm, as it is done; what ``folder`` holds already is not run again."""
    for name, arm in arms.items():
        scores = []
        for seed in seeds:
            scores.append(_one(arm, config(arm, seed, epochs), folder / f"seed-{seed}", name))
            tick(f"{name}, seed {seed}: R@1 {scores[-1].recall_at_1:.3f}")
        recalls = tuple(score.recall_at_1 for score in scores)
        precisions = [score.mean_average_precision for score in scores]
        best = [score.best_recall_at_1 for score in scores]
        yield Row(name, interval(recalls), interval(precisions), interval(best), recalls)


def _one(arm: Arm, run: TrainConfig, folder: Path, name: str) -> Score:
    def work() -> Score:
        train = draw_world(arm.pairs, seed=2 * run.seed, wrong=arm.wrong)
        return trained_scores(run, train, draw_world(TEST_PAIRS, seed=2 * run.seed + 1))

    of = cast(Json, {"run": run.digest, "world": [TEST_PAIRS, SIZE], "arm": asdict(arm)})
    return once(folder, name, of, Score, work)


def trained_scores(run: TrainConfig, train: World, test: World) -> Score:
    """Scores on ``test`` after training on ``train``, on one thread: towers this small gain nothing from a second."""
    start, recalls = load_base(run, train.samples.texts), []

    def look(point: Point, steps: int) -> None:
        if (point.step + 1) % max(1, steps // LOOKS) == 0:
            recalls.append(recall_at_1(start, test))
            start.model.train()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            fit(run, start, train.samples, Path(folder), observe=look)
        return Score(recall_at_1(start, test), mean_average_precision(start, test), max(recalls))
    finally:
        torch.set_num_threads(threads)
