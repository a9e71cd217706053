"""The search for settings by command, over studies: a table, a plot, and a winner that is a candidate as any is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_devtools.doubles.frozen_studies import freeze_studies
from journalclip_pipelines.cli import app
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import PermanentError

GRID = (4, 16, 16)
SETTINGS = [
    "model.grid=4,16,16", "model.tower.widths=8,16", "model.tower.stem=8", "model.text.width=24", "model.text.heads=2",
    "model.hidden=24", "model.pool_heads=2", "model.dim=16", "optim.batch=6", "optim.epochs=1",
]  # fmt: skip


def test_a_sweep_leaves_a_table_a_plot_and_a_candidate_that_selip_s_table_measures(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.root.mkdir()
    assert not list(workspace.bus.read("datasets.frozen.v1"))  # makes the log
    dataset = freeze_studies(workspace.store, GRID, train=12, test=12).dataset_id
    line = [
        "sweep",
        "study_demo",
        "--dataset",
        dataset,
        "--workdir",
        str(workspace.root),
        "--over",
        "optim.lr=1e-3,3e-3",
    ]
    line += [word for each in SETTINGS for word in ("--set", each)]
    found = json.loads(_said([*line, "--trials", "2", "--json"]))
    assert sorted(row["trial"] for row in found["trials"]) == [0, 1]
    assert Path(found["plot"]).stat().st_size > 5_000
    candidate = workspace.registry("studies").by_alias("candidate")
    assert candidate is not None
    assert candidate.model_id == found["candidate"]["model_id"]
    again = json.loads(_said([*line, "--trials", "2", "--json"]))
    assert again == found, "nothing is trained twice"
    table = json.loads(
        _said(["evaluate", "candidate", "--kind", "studies", "--workdir", str(workspace.root), "--table", "selip",
               "--alone", "--json"])
    )  # fmt: skip
    measured = table["unique_texts"]["this model"]["image_to_text"]
    assert (measured["queries"], len(measured["top"])) == (24, 10)
    assert table["tables"]["selip"]["rows"][0]["this model"].startswith(f"{100 * measured['top'][0]:.2f} % (")
    with pytest.raises(PermanentError, match=r"optim\.nothing"):
        _said([*line, "--over", "optim.nothing=1,2"])


def _said(call: list[str]) -> str:
    result = CliRunner().invoke(app, call, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[-1]
