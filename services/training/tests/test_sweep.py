"""A sweep of tiny runs: settings are a function of the seed, trials are done once, a kill changes no figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from journalclip_devtools.doubles.squares import freeze_tiny, tiny_config
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_training.articles.learning import ArticleTraining
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions
from journalclip_training.errors import SettingInvalid
from journalclip_training.recipes import Recipe, registry
from journalclip_training.sweep.report import best, draw_sweep, rows_of
from journalclip_training.sweep.run import OnTune, run_sweep
from journalclip_training.sweep.space import Axis, axis, default_axes, draws
from journalclip_training.sweep.trial import NoValidation, Swept, Trial, run_trial

RECIPES = registry([Recipe("tiny", "articles", tiny_config)])
DRAWN = [(), ("optim.lr=0.001",), ("optim.lr=0.01", "loss.kind=soft"), ("optim.epochs=1",)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def swept(tmp_path: Path) -> Swept:
    store = LocalArtifacts(tmp_path / "artifacts")
    frozen = freeze_tiny(store, val=12)
    kind, options = ArticleTraining(recipes=RECIPES), RunOptions(checkpoint_every=1)
    return Swept(kind, store, frozen.manifest, frozen.dataset_id, "tiny", ("loss.semantic=hashing",), options)


class Killed(Exception):
    """As a kill would, between two steps."""


def silent(done: int, total: int, note: str) -> None:
    del done, total, note


def test_settings_are_the_seeds_alone_and_a_longer_sweep_begins_with_a_shorter_one() -> None:
    config = tiny_config()
    axes = default_axes(config)
    twelve = draws(config, axes, 12, 3)
    assert twelve == draws(config, axes, 12, 3)
    assert draws(config, axes, 5, 3) == twelve[:5]
    assert twelve != draws(config, axes, 12, 4)
    assert twelve[0] == ()
    rates = sorted(float(dict(one.split("=") for one in each)["optim.lr"]) for each in twelve[1:])
    assert config.optim.lr / 3 <= rates[0] < config.optim.lr < rates[-1] <= config.optim.lr * 3
    assert {dict(one.split("=") for one in each)["loss.kind"] for each in twelve[1:]} == {"clip", "soft"}


def test_an_axis_is_read_and_a_wrong_one_refused() -> None:
    assert axis("loss.kind=clip, soft") == Axis("loss.kind", ("clip", "soft"))
    assert axis("optim.lr=1e-5..1e-3").at(0.5) == "0.0001"
    for wrong in ("optim.lr", "optim.lr=", "optim.lr=0..1", "optim.lr=2..1", "optim.lr=a..b"):
        with pytest.raises(SettingInvalid):
            axis(wrong)
    with pytest.raises(SettingInvalid):
        draws(tiny_config(), [Axis("optim.nothing", ("1", "2"))], 2, 0)


def test_a_sweep_killed_twice_gives_the_table_of_an_undisturbed_one(
    swept: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_sweep(swept, DRAWN, tmp_path / "whole", silent)
    for number, at in ((1, 2), (2, 4)):

        def kill(point: Point, _steps: int, at: int = at) -> None:
            if point.step == at:
                raise Killed

        run_sweep(swept, DRAWN[:number], tmp_path / "cut", silent)
        with pytest.raises(Killed):
            run_trial(swept, number, DRAWN[number], tmp_path / "cut", kill)
    cut = run_sweep(swept, DRAWN, tmp_path / "cut", silent)
    assert rows_of(cut) == rows_of(whole)
    assert not list((tmp_path / "cut" / "runs").iterdir()), "a finished trial leaves no checkpoint"
    monkeypatch.setattr(ArticleTraining, "open", lambda *_: pytest.fail("a finished trial is run again"))
    assert run_sweep(swept, DRAWN, tmp_path / "cut", silent) == cut
    draw_sweep(cut, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 5_000


def test_the_best_wins_and_of_equals_the_recipe_as_it_is() -> None:
    plain = Trial(0, (), 0.5, 6, 1.0, 12)
    better, equal = (
        replace(plain, number=2, overrides=("a=1",), score=0.7),
        replace(plain, number=1, overrides=("a=2",)),
    )
    assert best([plain, equal]) is plain
    assert best([plain, equal, better]) is better
    assert [row["trial"] for row in rows_of([plain, equal, better])] == [2, 0, 1]


def test_a_trial_that_diverges_is_told_and_a_dataset_without_validation_refused(swept: Swept, tmp_path: Path) -> None:
    lost = run_trial(swept, 1, ("optim.lr=1e30", "optim.clip=0"), tmp_path)
    assert (lost.failed, lost.score) == ("training-diverged", 0.0)
    frozen = freeze_tiny(swept.store)
    with pytest.raises(NoValidation):
        run_trial(replace(swept, dataset=frozen.manifest, dataset_id=frozen.dataset_id), 0, (), tmp_path / "other")


@pytest.mark.slow
@pytest.mark.ray
def test_ray_tune_gives_the_table_of_one_process(ray_cluster: None, swept: Swept, tmp_path: Path) -> None:
    alone = run_sweep(swept, DRAWN[:3], tmp_path / "alone", silent)
    run_trial(swept, 0, DRAWN[0], tmp_path / "ray")  # as a sweep that was killed left it
    on_ray = run_sweep(swept, DRAWN[:3], tmp_path / "ray", silent, OnTune("local", 2))
    assert rows_of(on_ray) == rows_of(alone)
