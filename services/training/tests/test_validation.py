"""Validation during training: the best weights are kept, also of a run that was stopped, and a run may end early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from journalclip_devtools.doubles.squares import TINY, tiny_config
from journalclip_devtools.doubles.training_kills import tiny_samples
from journalclip_modeling.folder import ClipFolder
from journalclip_training.base import load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import OptimConfig, RunOptions, TrainConfig
from journalclip_training.fit import Fitted, fit
from journalclip_training.samples import Samples
from journalclip_training.validation import MOST_UNITS, Best, Validated, due, fixed_part


@pytest.fixture(scope="module")
def samples() -> Samples:
    return tiny_samples(24, TINY.image_size)


class Killed(BaseException):
    """As a signal would: no handler of errors sees it."""


def wavy(start: ClipFolder) -> float:
    """A score that goes up and down as the weights move, and is a function of them alone."""
    return float(torch.sin(40 * start.model.visual_projection.weight.detach().sum()))


def run(config: TrainConfig, samples: Samples, folder: Path, die_at: int = -1) -> tuple[ClipFolder, Fitted]:
    start = load_base(config, samples.texts)

    def observe(point: Point, steps: int) -> None:
        del steps
        if point.step == die_at:
            raise Killed

    options = RunOptions(checkpoint_every=2)
    return start, fit(config, start, samples, folder, options=options, observe=observe, score=lambda: wavy(start))


@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_the_weights_of_the_best_score_are_kept_also_where_the_run_was_stopped(
    samples: Samples, tmp_path: Path, ema: float
) -> None:
    config = tiny_config(epochs=4, validations=6, ema=ema)  # 12 steps, a validation after every second
    start, fitted = run(config, samples, tmp_path / "whole")
    assert [each.step for each in fitted.history] == [2, 4, 6, 8, 10, 12]
    assert fitted.kept is not None
    assert fitted.kept.score == max(each.score for each in fitted.history) > fitted.history[-1].score
    assert wavy(start) == pytest.approx(fitted.kept.score, abs=1e-6)
    for die_at in (fitted.kept.step, 10):  # after the best one, and after a worse one
        with pytest.raises(Killed):
            run(config, samples, tmp_path / f"killed-{die_at}", die_at)
        again, resumed = run(config, samples, tmp_path / f"killed-{die_at}")
        assert resumed.history == fitted.history
        for name, weight in start.model.state_dict().items():
            assert torch.equal(weight, again.model.state_dict()[name]), name


def test_validation_changes_nothing_of_the_training_itself(samples: Samples, tmp_path: Path) -> None:
    plain = tiny_config(epochs=3, ema=0.8)
    asked = replace(plain, optim=replace(plain.optim, validations=9))
    one, other = (run(config, samples, tmp_path / str(n))[1] for n, config in enumerate((plain, asked)))
    assert one.curve == other.curve
    assert one.kept is None


def test_a_run_ends_where_no_score_was_better_for_its_patience(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(epochs=8, validations=24, patience=2)  # a validation after every step
    _, fitted = run(config, samples, tmp_path)
    scores = [each.score for each in fitted.history]
    assert fitted.steps == len(scores) < 24
    assert max(scores[-2:]) <= max(scores[:-2])
    _, again = run(config, samples, tmp_path)
    assert (again.steps, again.history) == (fitted.steps, fitted.history), "what has ended is not gone on with"


def test_of_equal_scores_the_last_is_kept() -> None:
    best = Best()
    for step, score in enumerate((0.2, 0.5, 0.5, 0.1)):
        best.add(step, score, {"w": torch.tensor(float(step))})
    assert best.kept == Validated(2, 0.5)
    there = {"w": torch.tensor(9.0)}
    best.apply(there)
    assert there["w"] == 2


def test_validations_are_spread_evenly_and_the_last_step_has_one() -> None:
    config = OptimConfig(validations=4)
    assert [done for done in range(1, 11) if due(done, 10, config)] == [3, 6, 9, 10]
    assert not any(due(done, 10, OptimConfig()) for done in range(1, 11))


def test_the_fixed_part_is_whole_where_it_is_small_and_always_the_same() -> None:
    assert fixed_part(5).tolist() == [0, 1, 2, 3, 4]
    part = fixed_part(4 * MOST_UNITS)
    assert len(set(part.tolist())) == MOST_UNITS
    assert part.tolist() == sorted(part.tolist()) == fixed_part(4 * MOST_UNITS).tolist()
