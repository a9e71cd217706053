"""Studies on several ranks: the weights of one process, also when a rank is killed with SIGKILL on the way."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from journalclip_devtools.doubles.frozen_studies import freeze_studies
from journalclip_devtools.doubles.study_runs import CONFIGS, GRID, OPTIONS, go, rank_main
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import save_study_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.start import load_study_base


@pytest.mark.parametrize("name", list(CONFIGS))
def test_a_killed_rank_ends_with_the_weights_of_an_undisturbed_run(name: str, tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    dataset = freeze_studies(store, GRID).manifest
    config = CONFIGS[name]
    samples = load_samples(FrozenStudies.open(store, dataset), "train", config.model, tmp_path / "shards", OPTIONS)
    save_study_folder(load_study_base(config, samples.texts), tmp_path / "start")
    assert go(name, dataset, tmp_path, "whole", 2) == [0, 0]
    assert go(name, dataset, tmp_path, "killed", 2, die_at=4)[-1] == -signal.SIGKILL
    assert go(name, dataset, tmp_path, "killed", 2) == [0, 0]
    whole, killed = (load_file(tmp_path / f"{run}.safetensors") for run in ("whole", "killed"))
    assert all(torch.equal(whole[key], each) for key, each in killed.items()), "bit for bit, with as many ranks"
    rank_main(name, dataset, tmp_path, "alone", 0, 1, -1)
    alone = load_file(tmp_path / "alone.safetensors")
    for key, each in alone.items():  # sums in another order, through eight steps of Adam
        torch.testing.assert_close(whole[key].float(), each.float(), rtol=0, atol=2e-3, msg=key)
