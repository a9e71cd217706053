"""Studies on Ray: the same fit core, whose workers may be killed at any time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from journalclip_devtools.doubles.frozen_studies import freeze_studies
from journalclip_devtools.doubles.study_runs import CONFIGS, GRID, OPTIONS, KilledOnce
from journalclip_modeling.folder import upload_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import load_study_folder, save_study_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.settings import Settings
from journalclip_training.ray_train import RayJob, RayScale, fit_on_ray
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.start import load_study_base

pytestmark = [pytest.mark.slow, pytest.mark.ray]


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
    job, alone = prepared(CONFIGS["whole studies"], tmp_path)
    folder = fit_on_ray(job, RayScale(workers=0, storage=str(tmp_path / "ray")), tmp_path / "fitted")
    found = load_study_folder(folder / "model").model.state_dict()
    assert all(torch.equal(found[name], each) for name, each in alone.items())


@pytest.mark.parametrize("config", list(CONFIGS.values()), ids=list(CONFIGS))
def test_a_killed_worker_ends_with_the_weights_of_an_undisturbed_run(
    ray_cluster: None, config: StudyTrainConfig, tmp_path: Path
) -> None:
    job, undisturbed = prepared(config, tmp_path)
    scale = RayScale(workers=1, storage=str(tmp_path / "ray"))
    folder = fit_on_ray(job, scale, tmp_path / "fitted", KilledOnce(tmp_path / "died", at=4))
    assert (tmp_path / "died").exists()
    found = load_study_folder(folder / "model").model.state_dict()
    assert all(torch.equal(found[name], each) for name, each in undisturbed.items())


@pytest.mark.parametrize("config", list(CONFIGS.values()), ids=list(CONFIGS))
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
