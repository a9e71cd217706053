"""Study models whose image towers have seen before: a study model's own, of slices or 3-D, and any backbone."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoBackbone, ConvNextConfig, Dinov2Config, ResNetConfig
from transformers.configuration_utils import PretrainedConfig

from journalclip_modeling.studies.config import (
    SliceTowerConfig,
    StudyModelConfig,
    TextTowerConfig,
    tiny_resnet,
    tiny_volume,
)
from journalclip_modeling.studies.folder import load_study_folder, save_study_folder, scratch_study_model
from journalclip_training.errors import BaseUnavailable
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.segment import SegmentConfig, train_segmenter
from journalclip_training.studies.start import describe_study_base, load_study_base

GRID = (3, 32, 28)
TEXTS = ["hyperintense glioma on the left", "no abnormality"]
MODEL = StudyModelConfig(
    grid=GRID, sequences=("FLAIR", "DWI"), tower=tiny_resnet((8, 16)),
    text=TextTowerConfig(width=24, layers=1, heads=2, context=24, vocabulary=300), hidden=16, pool_heads=2, dim=16,
)  # fmt: skip
BACKBONES = (
    ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1], layer_type="basic"),
    ConvNextConfig(hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1]),
    Dinov2Config(hidden_size=24, num_hidden_layers=4, num_attention_heads=2, image_size=28, patch_size=7),
)


def recipe(base: Path, **changes: object) -> StudyTrainConfig:
    return replace(StudyTrainConfig(recipe="test", model=MODEL, image_base=str(base)), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("tower", [tiny_resnet((8, 16)), tiny_volume((8, 16))])
def test_a_study_models_tower_is_taken_as_it_is_and_the_rest_starts_anew(
    tower: SliceTowerConfig, tmp_path: Path
) -> None:
    seen = scratch_study_model(TEXTS, replace(MODEL, tower=tower, grid=(5, 16, 16)), 7)
    save_study_folder(seen, tmp_path / "seen")
    start = load_study_base(recipe(tmp_path / "seen"), TEXTS).model
    assert start.config.tower == tower
    assert start.config.grid == GRID, "the grid is the run's own"
    for name, weight in start.state_dict().items():
        if name.startswith(("tower.", "volume.")):
            assert torch.equal(weight, seen.model.state_dict()[name]), name
    assert not torch.equal(next(start.text.parameters()), next(seen.model.text.parameters()))
    said = describe_study_base(recipe(tmp_path / "seen"))
    assert said.startswith("scratch:0+image:seen@")


@pytest.mark.parametrize("sizes", BACKBONES, ids=lambda each: each.model_type)
def test_a_backbone_is_the_tower_and_survives_the_models_folder(sizes: PretrainedConfig, tmp_path: Path) -> None:
    torch.manual_seed(1)
    sizes = copy.deepcopy(sizes)
    sizes.out_features = sizes.stage_names[-3:]
    net = AutoBackbone.from_config(sizes).eval()
    net.save_pretrained(tmp_path / "net")
    (tmp_path / "net" / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3})
    )
    save_study_folder(load_study_base(recipe(tmp_path / "net"), TEXTS), tmp_path / "model")
    model = load_study_folder(tmp_path / "model").model
    voxels = torch.randint(0, 255, (1, 1, *GRID), dtype=torch.uint8)
    stride = model.tower.strides[-1]
    assert isinstance(stride, int)
    rows, columns = (-(-each // stride) * stride for each in GRID[1:])
    grey = torch.nn.functional.pad(voxels[0, 0].float() / 255, (0, columns - GRID[2], 0, rows - GRID[1]))
    with torch.inference_mode():
        expected = net(((grey[:, None] - 0.5) / 0.25).expand(-1, 3, -1, -1)).feature_maps[-1]
        found = model.tower(voxels[0, 0][:, None].float() / 64 - 1)[-1]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
        assert model(voxels, torch.ones(1, 1, dtype=torch.bool)).studies.shape == (1, 16)
    assert not any(m.training for m in model.train().modules() if isinstance(m, torch.nn.BatchNorm2d))
    labels = torch.randint(0, 2, (1, *GRID), dtype=torch.uint8)
    train_segmenter(model, voxels, torch.ones(1, 1, dtype=torch.bool), labels, SegmentConfig(steps=2, width=4))


@pytest.mark.parametrize("architecture", ["test_efficientnet", "test_vit", "test_convnext"])
def test_a_folder_of_timm_is_a_tower(architecture: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = timm.create_model(architecture, pretrained=False, num_classes=5).eval()
    fixed = architecture == "test_vit"  # the places of another grid are interpolated, so its maps are others
    folder = tmp_path / "net"
    folder.mkdir()
    about = {"mean": [0.5] * 3, "std": [0.25] * 3, "fixed_input_size": fixed}
    (folder / "config.json").write_text(json.dumps({"architecture": architecture, "pretrained_cfg": about}))
    save_file(net.state_dict(), folder / "model.safetensors", {"format": "pt"})
    save_study_folder(load_study_base(recipe(folder), TEXTS), tmp_path / "model")
    model = load_study_folder(tmp_path / "model").model
    voxels = torch.randint(0, 255, (1, 1, *GRID), dtype=torch.uint8)
    grey = torch.nn.functional.pad(voxels[0, 0].float() / 255, (0, 32 - GRID[2], 0, 32 - GRID[1]))
    with torch.inference_mode():
        assert model(voxels, torch.ones(1, 1, dtype=torch.bool)).studies.shape == (1, 16)
        found = model.tower(voxels[0, 0][:, None].float() / 64 - 1)[-1]
        if not fixed:
            pictures = ((grey[:, None] - 0.5) / 0.25).expand(-1, 3, -1, -1)
            maps: Any = net.forward_intermediates  # of timm's own, which its types do not say
            expected = maps(pictures, indices=1, norm=False, intermediates_only=True)[-1]
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in sorted(weights) if name.endswith("weight") and name.startswith(("blocks", "stages")))
    save_file({name: each for name, each in weights.items() if name != lost}, folder / "model.safetensors")
    with pytest.raises(BaseUnavailable, match="lack"):
        load_study_base(recipe(folder), TEXTS)


def test_half_a_tower_and_what_is_none_are_refused_by_name(tmp_path: Path) -> None:
    AutoBackbone.from_config(BACKBONES[0]).save_pretrained(tmp_path / "net")
    path = tmp_path / "net" / "model.safetensors"
    weights = load_file(path)
    lost = next(name for name in weights if name.endswith("convolution.weight"))
    save_file({name: each for name, each in weights.items() if name != lost}, path, {"format": "pt"})
    with pytest.raises(BaseUnavailable, match="lack"):
        load_study_base(recipe(tmp_path / "net"), TEXTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BaseUnavailable, match="empty"):
        load_study_base(recipe(tmp_path / "empty"), TEXTS)
