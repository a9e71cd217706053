"""Every kind of start through the commands that a person types: imported, trained, promoted, served and searched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from journalclip_devtools.doubles.start_kinds import BUILDERS, joined_sources, resnet50
from journalclip_inference.service import build, connect, open_registry
from journalclip_inference.settings import InferenceSettings
from journalclip_pipelines.cli import app
from journalclip_synthetic.journals import write_journals

pytestmark = pytest.mark.slow

JOINED, RESNET = "two encoders joined", "openai rn50 .pt"
# What a step of training makes of random towers is not the question here: any change within the whole range passes.
GATES = """
signature: required
improvement: {over_champion: {demand: not-worse, margin: 0.99}, over_start: {demand: not-worse, margin: 0.99},
              one_source: by-pair}
"""


@pytest.fixture(scope="module")
def society(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("society")
    write_journals(root / "journals", 6, seed=5)
    (root / "gates.yaml").write_text(GATES)
    return root


def journalclip(root: Path, *words: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*words, "--workdir", str(root / "work"), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def imported(root: Path, kind: str) -> dict[str, Any]:
    name = kind.replace(" ", "-").replace(".", "").replace(",", "")
    source = root / "sources" / name
    source.mkdir(parents=True)
    if kind == JOINED:
        joined_sources(source)
        return journalclip(
            root, "models", "import", "--image", str(source / "image"), "--text", str(source / "text"), "--name", name
        )
    build_source, file, _ = BUILDERS.get(kind, (resnet50, "RN50.pt", ""))
    build_source(source)
    found = journalclip(root, "models", "import", str(source / file), "--name", name, "--licence", "MIT")
    assert found["difference"] <= 1e-5, "the same unit vectors before and after"
    return found


@pytest.mark.parametrize("kind", [*BUILDERS, RESNET, JOINED])
def test_a_start_is_imported_trained_promoted_served_and_searched(kind: str, society: Path) -> None:
    start = imported(society, kind)
    words = ["run", str(society / "journals"), "--base", start["folder"], "--gates", str(society / "gates.yaml")]
    done = journalclip(society, *words, "--set", "optim.steps=2", "--set", "optim.batch=8")
    assert done["model"]["alias"] == "champion", done["model"]
    assert done["model"]["base"].startswith(Path(start["folder"]).name + "@")
    answer = journalclip(society, "search", "axial CT showing subdural haematoma")
    assert len(answer["hits"]) == 10
    settings = InferenceSettings(workdir=society / "work", anonymous=True)
    service = build(settings, connect(settings), open_registry(settings, "articles"))
    service.start()
    try:
        with TestClient(service.app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000)) as client:
            served = client.post("/v1/search", json={"text": "axial CT", "k": 5})
    finally:
        service.stop()
    assert served.status_code == 200, served.text
    assert served.json()["served"]["model_id"] == done["model"]["model_id"]
    assert len(served.json()["hits"]) == 5
