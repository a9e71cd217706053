"""Every GPU recipe: its devices, a whole step of it, and that what it needs fits the GPU it names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor

from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.config import LossConfig, with_overrides
from journalclip_training.example_steps import check_device, example_step
from journalclip_training.footprint import counted, estimate, footprint
from journalclip_training.gpus import A100, KNOWN, known_gpu
from journalclip_training.recipes import RECIPES, Recipe, article_config
from journalclip_training.similarity.mixed import TextKernels

GPU = [recipe for recipe in RECIPES.values() if recipe.gpu is not None]
TABLE = Path(__file__).parents[3] / "docs" / "benchmarks" / "recipes.json"  # written by `make recipes`
# The sentence encoder works on the host; hashed words take the same way to the device.
QUICK = ["loss.semantic=hashing"]


@pytest.mark.parametrize("recipe", GPU, ids=lambda recipe: recipe.name)
def test_no_tensor_of_a_gpu_recipe_is_on_the_wrong_device(recipe: Recipe) -> None:
    config = with_overrides(recipe.make(), QUICK)
    value = check_device(example_step(config, "cuda", shallow=True))
    assert isinstance(value, FakeTensor)
    assert (value.device.type, value.shape) == ("cuda", ())


def test_a_tensor_on_the_wrong_device_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    step = example_step(with_overrides(article_config("selip_vit_b32"), QUICK), "cuda", shallow=True)
    at = TextKernels.at
    monkeypatch.setattr(TextKernels, "at", lambda self, batch, _: at(self, batch, torch.device("cpu")))
    with pytest.raises(RuntimeError, match="device"):
        check_device(step)


@pytest.mark.parametrize("recipe", GPU, ids=lambda recipe: recipe.name)
def test_what_a_step_needs_was_counted_and_fits_the_gpu(recipe: Recipe) -> None:
    assert recipe.gpu is not None
    table = json.loads(TABLE.read_text())
    assert recipe.name in table, "count it: make recipes"
    line = table[recipe.name]
    assert line["digest"] == recipe.make().digest, "the recipe has changed since it was counted: make recipes"
    assert line["gpu"] == recipe.gpu.name
    assert line["peak_bytes"] <= recipe.gpu.memory
    assert line["peak_bytes"] > 4 * (line["parameters"] + 3 * line["trainable"]), "weights, gradients, two moments"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", GPU, ids=lambda recipe: recipe.name)
def test_a_whole_step_of_every_gpu_recipe_at_full_depth_fits_its_gpu(recipe: Recipe) -> None:
    """Forward, loss, backward and update on fake tensors, bf16 included: what `make recipes` writes down."""
    assert recipe.gpu is not None
    found, line = footprint(with_overrides(recipe.make(), QUICK)), json.loads(TABLE.read_text())[recipe.name]
    assert found.fits(recipe.gpu)
    assert (found.parameters, found.operations) == (line["parameters"], line["operations"])
    # When a tensor without a name goes is the collector's choice: counts of one step differ by some per cent.
    assert found.peak_bytes == pytest.approx(line["peak_bytes"], rel=0.15)


@pytest.mark.parametrize("name", ["cns_clip_vit_b32", "selip_paper"])
def test_a_whole_step_runs_and_is_counted(name: str) -> None:
    """With one layer a tower: forward, loss, backward and update, in parts and in one piece."""
    found = counted(example_step(with_overrides(RECIPES[name].make(), QUICK), "cpu", shallow=True))
    assert found.fits(A100)
    assert found.peak_bytes > 4 * (found.parameters + 3 * found.trainable)
    assert found.operations > 6 * found.batch * found.trainable / 100


def test_gpus_are_found_by_what_pytorch_calls_them() -> None:
    assert known_gpu("NVIDIA A100-SXM4-80GB") is A100
    assert known_gpu("NVIDIA L40S") is KNOWN["L40S"]
    assert known_gpu("something new") is None


@pytest.mark.parametrize("kind", ["soft", "medclip", "sat", "selip"])
@pytest.mark.parametrize("syntax", ["edit", "bleu", "dice", "fields", "clauses", "evidence"])
def test_target_kernels_are_made_where_the_vectors_are(kind: str, syntax: str) -> None:
    config = LossConfig(kind=kind, syntax=syntax)  # type: ignore[arg-type]
    texts = ["T2WI: bright lesion in the left thalamus.", "no edema", "T2WI: bright lesion in the left thalamus."]
    kernels = TextKernels(config, texts, [CaptionRecord()] * 3)
    tile, ignored = kernels.at(np.arange(3), torch.device("meta")).tile(slice(0, 2))
    assert tile.device.type == "meta"
    assert ignored is None or ignored.device.type == "meta"


def test_a_plan_for_a_number_of_pairs_needs_no_data() -> None:
    found, steps = estimate("demo", ["optim.epochs=2"], 1000)
    assert (found.batch, steps) == (128, 14)
    small, _ = estimate("demo", [], 40)
    assert small.batch == 40
    assert found.fits(A100)
