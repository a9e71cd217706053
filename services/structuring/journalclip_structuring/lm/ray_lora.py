"""LoRA tuning on many workers: a thin Ray Train (V2) wrapper around `lora`, and nothing of tuning itself.

Each worker makes the same trainer, which finds the process group that Ray made and takes its share of every batch. What
the trainer saves goes to Ray's storage by Ray's own callback, so a run that loses a worker goes on from its last
checkpoint, wherever the workers are; ``base`` must lie where all of them see it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray.train
from ray import cloudpickle
from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.huggingface.transformers import RayTrainReportCallback
from ray.train.torch import TorchConfig, TorchTrainer
from transformers import TrainerCallback
from trl.trainer.sft_trainer import SFTTrainer

from journalclip_structuring.lm.lora import LoraSettings, new_trainer, save_adapter


@dataclass(frozen=True)
class RayWorkers:
    """How many, each with a GPU or not, how often one may die, and where Ray keeps the run (a path all of them see)."""

    workers: int = 2
    gpu: bool = False
    failures: int = 3
    storage: str = ""


def tune_on_ray(
    base: Path, folder: Path, settings: LoraSettings, scale: RayWorkers, callbacks: Sequence[TrainerCallback] = ()
) -> Path:
    """As `lora.tune`, by ``scale.workers`` processes of the Ray cluster. A second call goes on where one was stopped.

    ``callbacks`` run on every worker, beside the one that reports checkpoints.
    """
    storage = Path(scale.storage or folder / "ray").resolve()
    # As bytes: Ray's controller reads the loop's arguments, too, and would import transformers for them.
    packed = cloudpickle.dumps([*callbacks])
    trainer = TorchTrainer(
        _work,
        train_loop_config={"base": str(base.resolve()), "settings": asdict(settings), "callbacks": packed},
        torch_config=TorchConfig(backend="nccl" if scale.gpu else "gloo"),
        scaling_config=ScalingConfig(num_workers=scale.workers, use_gpu=scale.gpu),
        run_config=RunConfig(
            name="journalclip-structurer",
            storage_path=str(storage),
            failure_config=FailureConfig(max_failures=scale.failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    with trainer.fit().checkpoint.as_directory() as last:
        shutil.copytree(Path(last) / "model", folder / "model", dirs_exist_ok=True)
    return folder / "model"


def _work(loop: dict[str, Any]) -> None:
    """One worker's run."""
    settings, context = LoraSettings(**loop["settings"]), ray.train.get_context()
    with tempfile.TemporaryDirectory(prefix="journalclip-") as temporary:
        here = Path(temporary)
        trainer = new_trainer(Path(loop["base"]), here / "checkpoints", settings, context.get_world_size())
        for callback in (RayTrainReportCallback(), *cloudpickle.loads(loop["callbacks"])):
            trainer.add_callback(callback)
        _train_from_last(trainer)
        final = None
        if context.get_world_rank() == 0:
            save_adapter(trainer, Path(loop["base"]), here / "final" / "model", settings)
            final = ray.train.Checkpoint.from_directory(str(here / "final"))
        ray.train.report({"step": trainer.state.global_step}, checkpoint=final)


def _train_from_last(trainer: SFTTrainer) -> None:
    """From the run's last checkpoint, where it has one; a run that had ended keeps no such thing and begins again."""
    kept = ray.train.get_checkpoint()
    if kept is None:
        trainer.train()
        return
    with kept.as_directory() as saved:
        last = Path(saved) / RayTrainReportCallback.CHECKPOINT_NAME
        trainer.train(resume_from_checkpoint=str(last) if last.is_dir() else None)
