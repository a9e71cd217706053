"""LoRA tuning under TRL: a few steps on a tiny base, cut and taken up again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from journalclip_structuring.lm.local import LocalStructurer
from journalclip_structuring.lm.scratch import ScratchConfig, train_from_scratch
from journalclip_structuring.structurer import StructureRequest

pytestmark = pytest.mark.slow


def test_an_adapter_is_trained_resumed_and_served(tmp_path: Path) -> None:
    from journalclip_structuring.lm.lora import LoraSettings, tune

    tiny = ScratchConfig(seed=3, steps=1, batch=2, hidden=32, layers=1, heads=2, intermediate=48, threads=1)
    train_from_scratch(tmp_path / "base", tiny)
    base = tmp_path / "base" / "model"
    settings = LoraSettings(max_steps=2, reports=16, batch=2, accumulate=1, rank=2, save_steps=2, max_length=512)
    tune(base, tmp_path / "lora", settings)
    model = tune(base, tmp_path / "lora", replace(settings, max_steps=4))
    state = json.loads((tmp_path / "lora" / "checkpoints" / "checkpoint-4" / "trainer_state.json").read_text())
    assert state["global_step"] == 4
    assert len([entry for entry in state["log_history"] if "train_runtime" in entry]) <= 2
    assert (model / "adapter_model.safetensors").exists()
    assert json.loads((model / "journalclip.json").read_text())["layout"] == "plain"
    (result,) = LocalStructurer(model).structure([StructureRequest("1", "No infarct on T2.", "report")])
    assert result.request_id == "1"
