from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray
import torch

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import load_folder, save_folder, upload_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.settings import Settings
from journalclip_training.base import load_base
from journalclip_training.config import RunOptions
from journalclip_training.fit import fit
from journalclip_training.ray_train import RayJob, RayScale, fit_on_ray
from journalclip_training.samples import open_samples
from journalclip_training.testing import DieOnce, freeze_tiny, tiny_config

pytestmark = pytest.mark.ray


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    yield
    ray.shutdown()


@dataclass(frozen=True)
class Setting:
    """A frozen dataset, a start, and the same run done by `fit` alone."""

    job: RayJob
    reference: dict[str, torch.Tensor]

    def must_equal(self, folder: Path) -> None:
        for name, parameter in load_folder(folder).model.named_parameters():
            torch.testing.assert_close(parameter.detach(), self.reference[name], rtol=1e-3, atol=1e-5)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    config, options = tiny_config(epochs=4), RunOptions(checkpoint_every=3)
    store = LocalArtifacts(tmp_path / "artifacts")
    frozen = freeze_tiny(store)
    dataset = FrozenDataset.open(store, frozen.manifest)
    save_folder(load_base(config, [pair.text for pair in dataset.pairs("train")]), tmp_path / "start")
    alone = load_folder(tmp_path / "start")
    samples = open_samples(dataset, "train", alone.preprocess, tmp_path / "shards", options)
    fit(config, alone, samples, tmp_path / "alone", options=options)
    files = upload_folder(store, tmp_path / "start")
    job = RayJob("mdl_test", config, Settings(workdir=tmp_path), frozen.manifest, files, options)
    return Setting(job, {name: parameter.detach() for name, parameter in alone.model.named_parameters()})


def test_without_a_cluster_the_wrapper_does_what_fit_does(setting: Setting, tmp_path: Path) -> None:
    setting.must_equal(fit_on_ray(setting.job, RayScale(workers=0, storage=str(tmp_path / "ray")), tmp_path / "model"))


def test_two_workers_one_of_which_dies_equal_one_undisturbed_process(
    cluster: None, setting: Setting, tmp_path: Path
) -> None:
    scale = RayScale(workers=2, storage=str(tmp_path / "ray"))
    folder = fit_on_ray(setting.job, scale, tmp_path / "model", DieOnce(tmp_path / "died", at=7))
    assert (tmp_path / "died").exists()
    setting.must_equal(folder)
