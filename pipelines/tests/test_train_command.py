from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from journalclip_devtools.doubles.squares import TINY as SMALLEST
from journalclip_devtools.doubles.squares import freeze_tiny, pairs_and_images, tiny_config
from journalclip_evaluation.bootstrap import Groups, interval
from journalclip_evaluation.imagenet import imagenet
from journalclip_modeling.folder import load_folder, save_folder
from journalclip_pipelines.cli import app
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import Pair
from journalclip_training.base import load_base
from journalclip_training.config import ModelConfig
from journalclip_training.fit import fit
from journalclip_training.pictures import InMemory
from journalclip_training.reference import FolderReference
from journalclip_training.samples import Samples

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


CLASSES = {  # a WordNet id, and how its pictures are drawn
    "n01440764": ("red", "disc"), "n02123045": ("green", "disc"), "n02504458": ("blue", "disc"),
    "n02690373": ("yellow", "disc"), "n03445777": ("red", "bar"), "n03792782": ("green", "bar"),
    "n04146614": ("blue", "bar"), "n07747607": ("yellow", "bar"),
}  # fmt: skip


def drawn(key: str, rng: np.random.Generator) -> Image.Image:
    colour, shape = CLASSES[key]
    image = Image.fromarray(rng.integers(60, 120, (40, 48, 3), dtype=np.uint8))
    x, y = (int(each) for each in rng.integers(0, 12, 2))
    pen = ImageDraw.Draw(image)
    (pen.ellipse if shape == "disc" else pen.rectangle)((x, y, x + 26, y + (26 if shape == "disc" else 6)), fill=colour)
    return image


def knowing_start(folder: Path) -> None:
    """A small CLIP that has learnt those classes by ImageNet's own words, on pictures of its own."""
    known, rng, pairs, squares = imagenet(), np.random.default_rng(1), list[Pair](), list[np.ndarray]()
    scratch = replace(SMALLEST, image_size=32, width=48, layers=2, dim=32)
    config = replace(tiny_config(lr=2e-3, epochs=40, batch=32), model=ModelConfig(scratch=scratch))
    texts = [known.templates[0].format(known.names[key]) for key in CLASSES]
    start = load_base(config, texts)
    template = pairs_and_images(1)[0][0]
    for number in range(160):
        key = list(CLASSES)[number % len(CLASSES)]
        text = known.templates[number % len(known.templates)].format(known.names[key])
        pairs.append(template.model_copy(update={"pair_id": f"pair_{number}", "figure_id": f"f{number}", "text": text}))
        squares.append(start.preprocess.pixels(drawn(key, rng)))
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()
    fit(config, start, Samples(tuple(pairs), InMemory(pixels)), folder / "run")
    save_folder(start, folder / "start")


@pytest.mark.slow
def test_forgetting_is_measured_on_a_folder_of_imagenets_shape(workspace: Workspace, tmp_path: Path) -> None:
    knowing_start(tmp_path)
    reference, rng = tmp_path / "imagenet", np.random.default_rng(2)
    for key in CLASSES:
        (reference / key).mkdir(parents=True)
        for number in range(15):
            drawn(key, rng).save(reference / key / f"{key}_{number}.JPEG", "JPEG")
    cap, more = 0.05, ["--set", f"model.base={tmp_path / 'start'}", "--set", "forgetting.alphas=0.25,0.5,0.75"]
    call(workspace, *more, "--set", f"forgetting.cap={cap}", "--set", "optim.lr=3e-3", "--set", "optim.steps=40",
         "--general-reference", str(reference))  # fmt: skip
    candidate = workspace.registry("articles").by_alias("candidate")
    assert candidate is not None
    model = ModelManifest.model_validate_json(workspace.store.get(candidate.manifest))
    for file in model.files:
        (tmp_path / "kept" / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kept" / file.path).write_bytes(workspace.store.get(file.ref))
    right = {name: FolderReference(reference).right(load_folder(tmp_path / name)) for name in ("start", "kept")}
    assert len(right["start"]) == 15 * len(CLASSES)
    for name, each in right.items():
        low, high = interval(each.astype(np.float64)[:, None], Groups.of([str(n) for n in range(len(each))]))[0]
        print(f"{name}: {each.mean():.3f} ({low:.3f} to {high:.3f}), chance {1 / len(CLASSES):.3f}")
        assert low > 1 / len(CLASSES), name
    metrics = model.metrics
    print({key: value for key, value in metrics.items() if "general" in key or "alpha" in key or "recall" in key})
    assert metrics["general_start"] == pytest.approx(right["start"].mean())
    assert metrics["general"] == pytest.approx(right["kept"].mean())
    assert metrics["general"] >= metrics["general_start"] - cap


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
