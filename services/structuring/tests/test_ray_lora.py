"""LoRA tuning on Ray: two workers, one of which dies, end with one adapter that serves."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from journalclip_structuring.lm.local import LocalStructurer
from journalclip_structuring.lm.lora import LoraSettings, new_trainer
from journalclip_structuring.lm.scratch import ScratchConfig, train_from_scratch
from journalclip_structuring.structurer import StructureRequest

pytestmark = [pytest.mark.slow, pytest.mark.ray]


@dataclass
class DieOnce(TrainerCallback):  # type: ignore[misc]  # transformers has no types here
    """Ends the first process that comes to step ``at``, as a machine that goes away does."""

    mark: Path
    at: int

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        if state.global_step == self.at and not self.mark.exists():
            self.mark.touch()
            os._exit(1)
        return control


@pytest.fixture
def base(tmp_path: Path) -> Path:
    tiny = ScratchConfig(seed=3, steps=1, batch=2, hidden=32, layers=1, heads=2, intermediate=48, threads=1)
    train_from_scratch(tmp_path / "base", tiny)
    return tmp_path / "base" / "model"


SETTINGS = LoraSettings(reports=16, batch=2, accumulate=2, rank=2, save_steps=2, max_steps=4, max_length=512)


@pytest.mark.chaos  # minutes of imports: Ray starts every worker twice; a worker's death is in training's own Ray test
def test_two_workers_one_of_which_dies_end_with_an_adapter(ray_cluster: None, base: Path, tmp_path: Path) -> None:
    from journalclip_structuring.lm.ray_lora import RayWorkers, tune_on_ray

    model = tune_on_ray(base, tmp_path / "lora", SETTINGS, RayWorkers(workers=2), [DieOnce(tmp_path / "died", at=3)])
    assert (tmp_path / "died").exists()
    assert json.loads((model / "journalclip.json").read_text())["layout"] == "plain"
    (result,) = LocalStructurer(model).structure([StructureRequest("1", "No infarct on T2.", "report")])
    assert result.request_id == "1"


def test_batches_must_divide_among_workers(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not divide"):
        new_trainer(base, tmp_path / "checkpoints", SETTINGS, workers=3)
