"""Studies on Ray: the same fit core, whose workers may be killed at any time."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from journalclip_devtools.doubles.frozen_studies import SEQUENCES, freeze_studies
from journalclip_modeling.folder import upload_folder
from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet, tiny_volume
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import load_study_folder, save_study_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.settings import Settings
from journalclip_training.checkpoint import Point
from journalclip_training.config import LossConfig, OptimConfig, RunOptions
from journalclip_training.ray_train import RayJob, RayScale, fit_on_ray
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.recipes import selip_paper
from journalclip_training.studies.start import load_study_base

pytestmark = pytest.mark.ray

GRID = (3, 16, 16)
TEXT = TextTowerConfig(width=24, layers=1, heads=2, context=32, vocabulary=300)
OPTIONS = RunOptions(checkpoint_every=2, cache_bytes=0)  # volumes are read from shards


def study_config() -> StudyTrainConfig:
    """Whole studies on a slice tower, cached representations and an average."""
    return StudyTrainConfig(
        recipe="tiny",
        data=StudyDataConfig(shift=1),
        model=StudyModelConfig(
            grid=GRID, sequences=SEQUENCES, tower=tiny_resnet((8, 16)), text=TEXT, hidden=24, pool_heads=2, dim=16
        ),
        loss=LossConfig(kind="soft", lam=0.5, syntax="evidence", semantic="hashing"),
        optim=OptimConfig(lr=3e-3, steps=8, batch=6, micro_batch=2, ema=0.9),
    )


def paper_config() -> StudyTrainConfig:
    """`selip_paper` at a toy's size: batch statistics, unique texts."""
    whole = selip_paper()
    model = replace(study_config().model, tower=tiny_volume((8, 16)), hidden=16, text=replace(TEXT, kind="encoder"))
    optim = replace(whole.optim, steps=8, batch=6, lr=3e-3, text_lr=3e-3)
    return replace(whole, model=model, optim=optim, bf16=False)


@dataclass
class KilledOnce:
    """SIGKILL to the worker that ends step ``at`` first; the mark on disk outlives it."""

    mark: Path
    at: int

    def __call__(self, point: Point, steps: int) -> None:
        del steps
        if point.step == self.at and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def prepared(config: StudyTrainConfig, folder: Path) -> tuple[RayJob, dict[str, torch.Tensor]]:
    """The job, and the weights of an undisturbed run in this process."""
    store = LocalArtifacts(folder / "artifacts")
    frozen = freeze_studies(store, GRID)
    samples = load_samples(
        FrozenStudies.open(store, frozen.manifest), "train", config.model, folder / "shards", OPTIONS
    )
    save_study_folder(load_study_base(config, samples.texts), folder / "start")
    alone = load_study_folder(folder / "start")
    before = {name: each.clone() for name, each in alone.model.state_dict().items()}
    fit_studies(config, alone.model, alone.tokenizer, samples, folder / "alone", options=OPTIONS)
    after = alone.model.state_dict()
    assert max(float((after[n].float() - before[n].float()).abs().max()) for n in after) > 1e-2
    files = upload_folder(store, folder / "start")
    return RayJob("mdl_studies", config, Settings(workdir=folder), frozen.manifest, files, OPTIONS), after


def test_without_a_cluster_the_wrapper_does_what_the_fit_does(tmp_path: Path) -> None:
    job, alone = prepared(study_config(), tmp_path)
    folder = fit_on_ray(job, RayScale(workers=0, storage=str(tmp_path / "ray")), tmp_path / "fitted")
    found = load_study_folder(folder / "model").model.state_dict()
    assert all(torch.equal(found[name], each) for name, each in alone.items())


@pytest.mark.parametrize("config", [study_config(), paper_config()], ids=["whole studies", "the paper's pairs"])
def test_a_killed_worker_ends_with_the_weights_of_an_undisturbed_run(
    ray_cluster: None, config: StudyTrainConfig, tmp_path: Path
) -> None:
    job, undisturbed = prepared(config, tmp_path)
    scale = RayScale(workers=1, storage=str(tmp_path / "ray"))
    folder = fit_on_ray(job, scale, tmp_path / "fitted", KilledOnce(tmp_path / "died", at=4))
    assert (tmp_path / "died").exists()
    found = load_study_folder(folder / "model").model.state_dict()
    assert all(torch.equal(found[name], each) for name, each in undisturbed.items())


@pytest.mark.parametrize("config", [study_config(), paper_config()], ids=["whole studies", "the paper's pairs"])
def test_two_workers_one_of_which_is_killed_equal_one_process(
    ray_cluster: None, config: StudyTrainConfig, tmp_path: Path
) -> None:
    job, alone = prepared(config, tmp_path)
    scale = RayScale(workers=2, storage=str(tmp_path / "ray"))
    folder = fit_on_ray(job, scale, tmp_path / "fitted", KilledOnce(tmp_path / "died", at=4))
    assert (tmp_path / "died").exists()
    found = load_study_folder(folder / "model").model.state_dict()
    for name, each in alone.items():  # sums in another order, through eight steps of Adam
        torch.testing.assert_close(found[name].float(), each.float(), rtol=0, atol=2e-3, msg=name)
