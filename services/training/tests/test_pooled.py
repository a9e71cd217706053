from __future__ import annotations

import pytest
import torch
from transformers import CLIPModel

from journalclip_modeling.encoder import image_features, text_features
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_training.pooled import image_vectors, text_vectors

SIZES = ScratchConfig(image_size=16, patch_size=8, width=16, layers=2, heads=2, dim=16, vocabulary=300, context=24)
TEXTS = ["red square on the left", "a disc", "green square below a ring, case 4"]


@pytest.fixture
def inputs() -> tuple[CLIPModel, torch.Tensor, torch.Tensor]:
    made = scratch_clip(TEXTS, SIZES, 0)
    ids = made.tokenizer(TEXTS, padding=True, return_tensors="pt")["input_ids"]
    return made.model.double(), torch.randn(3, 3, 16, 16, dtype=torch.float64), ids


def gradients(model: CLIPModel, *features: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    sum((each * torch.arange(16.0)).sin().sum() for each in features).backward()  # type: ignore[union-attr]
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("old", [False, True])
def test_vectors_and_gradients_are_those_of_the_whole_towers(
    inputs: tuple[CLIPModel, torch.Tensor, torch.Tensor], old: bool
) -> None:
    model, pixels, ids = inputs
    model.text_model.eos_token_id = 2 if old else model.text_model.eos_token_id
    ours = image_vectors(model, pixels), text_vectors(model, ids)
    theirs = image_features(model, pixels), text_features(model, ids, (ids != 0).long())
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=1e-12)
    found, wanted = gradients(model, *ours), gradients(model, *theirs)
    assert found.keys() == wanted.keys()
    for name in found:
        torch.testing.assert_close(found[name], wanted[name], rtol=0, atol=1e-11)
