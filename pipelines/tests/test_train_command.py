from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from journalclip_devtools.doubles.squares import freeze_tiny
from journalclip_pipelines.cli import app
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.model import ModelManifest

TINY = ["image_size=16", "patch_size=8", "width=16", "layers=1", "heads=2", "dim=16", "vocabulary=300", "context=24"]
SETTINGS = [f"model.scratch.{each}" for each in TINY] + ["optim.epochs=2", "optim.batch=8"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    fresh = Workspace(tmp_path / "w")
    fresh.root.mkdir()
    assert not list(fresh.bus.read("datasets.frozen.v1"))
    return fresh


def call(workspace: Workspace, *more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(told(workspace, "--json", *more).splitlines()[-1])
    return found


def told(workspace: Workspace, *more: str) -> str:
    dataset = freeze_tiny(workspace.store, val=4).dataset_id
    settings = [word for each in SETTINGS for word in ("--set", each)]
    line = ["train", "--recipe", "demo", "--dataset", dataset, "--workdir", str(workspace.root)]
    result = CliRunner().invoke(app, [*line, *settings, *more], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_dry_run_tells_the_cost_and_registers_nothing(workspace: Workspace) -> None:
    plan = call(workspace, "--dry-run")
    assert (plan["steps"], plan["batch"], plan["pairs"]) == (6, 8, 24)
    assert plan["base"] == "scratch:0"
    assert isinstance(plan["seconds"], float)
    assert plan["seconds"] > 0
    assert "24 in batches of 8" in told(workspace, "--dry-run")
    assert call(workspace, "--dry-run", "--set", "optim.steps=50")["steps"] == 50, "steps stand in place of epochs"
    assert not workspace.registry("articles").versions()


def test_a_general_reference_makes_the_sweep_keep_a_point(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("red", "green"):
        (tmp_path / "general" / name).mkdir(parents=True)
        Image.new("RGB", (20, 20), name).save(tmp_path / "general" / name / "1.png")
    call(workspace, "--set", "forgetting.alphas=0.5", "--general-reference", str(tmp_path / "general"))
    candidate = workspace.registry("articles").by_alias("candidate")
    assert candidate is not None
    metrics = ModelManifest.model_validate_json(workspace.store.get(candidate.manifest)).metrics
    assert metrics["kept_alpha"] in {0.0, 0.5, 1.0}
    assert metrics["general"] >= metrics["general_start"] - 0.01


def test_training_registers_a_candidate_once_and_tells_the_log(workspace: Workspace) -> None:
    first = call(workspace)
    assert call(workspace) == first
    candidate = workspace.registry("articles").by_alias("candidate")
    assert candidate is not None
    assert candidate.model_id == first["model_id"]
    assert len(workspace.registry("articles").versions()) == 1


def test_an_unknown_dataset_is_an_error_with_a_remedy(workspace: Workspace) -> None:
    line = ["train", "--recipe", "demo", "--dataset", "ds_none", "--workdir", str(workspace.root)]
    with pytest.raises(PermanentError, match="dataset-unknown"):
        CliRunner().invoke(app, line, catch_exceptions=False)
