from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from journalclip_devtools.doubles.squares import DieOnce, freeze_tiny, tiny_config
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_modeling.folder import load_folder, save_folder, upload_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.settings import Settings
from journalclip_training.base import load_base
from journalclip_training.config import RunOptions
from journalclip_training.fit import fit
from journalclip_training.ray_train import RayJob, RayScale, fit_on_ray
from journalclip_training.samples import open_samples

pytestmark = pytest.mark.ray


@dataclass(frozen=True)
class Setting:
    """A frozen dataset, a start, and the same run done by `fit` alone."""

    job: RayJob
    texts: list[str]
    reference: Vectors

    def must_equal(self, folder: Path) -> None:
        # By vectors, not weights: a key's bias has no effect and no gradient but rounding, which Adam blows up.
        np.testing.assert_allclose(Encoder.load(folder).embed_texts(self.texts), self.reference, atol=2e-3)


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
    reference = Encoder(alone.model, alone.tokenizer, alone.preprocess).embed_texts(samples.texts)
    start = Encoder.load(tmp_path / "start").embed_texts(samples.texts)
    assert np.abs(reference - start).max() > 0.1  # fifty times what the comparison allows
    return Setting(job, samples.texts, reference)


def test_without_a_cluster_the_wrapper_does_what_fit_does(setting: Setting, tmp_path: Path) -> None:
    folder = fit_on_ray(setting.job, RayScale(workers=0, storage=str(tmp_path / "ray")), tmp_path / "fitted")
    setting.must_equal(folder / "model")


def test_two_workers_one_of_which_dies_equal_one_undisturbed_process(
    ray_cluster: None, setting: Setting, tmp_path: Path
) -> None:
    scale = RayScale(workers=2, storage=str(tmp_path / "ray"))
    folder = fit_on_ray(setting.job, scale, tmp_path / "fitted", DieOnce(tmp_path / "died", at=7))
    assert (tmp_path / "died").exists()
    setting.must_equal(folder / "model")
