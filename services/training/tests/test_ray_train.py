from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import load_folder, save_folder, upload_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.settings import Settings
from journalclip_training.base import load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions
from journalclip_training.fit import fit
from journalclip_training.samples import open_samples
from journalclip_training.testing import freeze_tiny, tiny_config

pytestmark = pytest.mark.ray


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    yield
    ray.shutdown()


@dataclass
class DieOnce:
    """Ends its worker without a word at step ``at``, the first time: the mark on disk outlives the process."""

    mark: Path
    at: int

    def __call__(self, point: Point, steps: int) -> None:
        del steps
        if point.step == self.at and not self.mark.exists():
            self.mark.touch()
            os._exit(1)


def test_two_workers_one_of_which_dies_equal_one_undisturbed_process(cluster: None, tmp_path: Path) -> None:
    from journalclip_training.ray_train import RayJob, RayScale, fit_on_ray

    config, options = tiny_config(epochs=4), RunOptions(checkpoint_every=3)
    settings = Settings(workdir=tmp_path)
    store = LocalArtifacts(tmp_path / "artifacts")
    frozen = freeze_tiny(store)
    dataset = FrozenDataset.open(store, frozen.manifest)
    save_folder(load_base(config, [pair.text for pair in dataset.pairs("train")]), tmp_path / "start")
    job = RayJob("mdl_test", config, settings, frozen.manifest, upload_folder(store, tmp_path / "start"), options)
    scale = RayScale(workers=2, storage=str(tmp_path / "ray"))
    folder = fit_on_ray(job, scale, tmp_path / "model", DieOnce(tmp_path / "died", at=7))
    assert (tmp_path / "died").exists()

    alone = load_folder(tmp_path / "start")
    samples = open_samples(dataset, "train", alone.preprocess, tmp_path / "shards", options)
    fit(config, alone, samples, tmp_path / "alone", options=options)
    reference = dict(alone.model.named_parameters())
    for name, parameter in load_folder(folder).model.named_parameters():
        torch.testing.assert_close(parameter, reference[name], rtol=1e-3, atol=1e-5)
