"""The fit core on many workers: a thin Ray Train (V2) wrapper, and nothing of training itself.

Each worker opens the dataset and calls `fit` with its rank; every batch is a function of seed and step, so a run that
loses a worker comes back from the last reported checkpoint at the same sample, also with another number of workers
(any that divides the batch). The run's name is the model's id: unique for what it computes, and Ray resumes a run of
the same name and storage by itself.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray.train
import torch
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import fetch_folder, load_folder, save_folder
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records.model import ModelFile
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.fit import Observe, fit, nobody
from journalclip_training.losses.world import Alone, Ranks
from journalclip_training.samples import open_samples

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class RayJob:
    """Everything a worker needs, by value or by reference: it shares no memory or disk with the others."""

    name: str
    config: TrainConfig
    settings: Settings
    dataset: ArtifactRef
    start: Sequence[ModelFile]
    options: RunOptions


@dataclass(frozen=True)
class RayScale:
    """How many workers, each with how much, and how often one may die."""

    workers: int | tuple[int, int] = 1  # a pair (least, most) is elastic; 0 runs here, without a cluster
    gpu: bool = False
    failures: int = 3
    storage: str = ""  # a shared folder or an S3 address for Ray's own checkpoints


def fit_on_ray(job: RayJob, scale: RayScale, into: Path, before_step: Observe = nobody) -> Path:
    """Train, and leave the CLIP folder at ``into``. ``before_step`` runs on each worker as each step ends."""
    with tempfile.TemporaryDirectory(prefix="journalclip-") as shared:
        here = (
            shared if scale.workers == 0 else None
        )  # without a cluster nobody uploads: the result must outlive the loop
        trainer = _trainer(job, scale, {"job": job, "before_step": before_step, "folder": here})
        with trainer.fit().checkpoint.as_directory() as folder:
            shutil.copytree(Path(folder) / "model", into, dirs_exist_ok=True)
    return into


def _trainer(job: RayJob, scale: RayScale, loop: dict[str, Any]) -> TorchTrainer:
    return TorchTrainer(
        _work,
        train_loop_config=loop,
        torch_config=TorchConfig(backend="nccl" if scale.gpu else "gloo"),
        scaling_config=ScalingConfig(num_workers=scale.workers, use_gpu=scale.gpu),
        run_config=RunConfig(
            name=job.name,
            storage_path=scale.storage or None,
            failure_config=FailureConfig(max_failures=scale.failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )


def _work(loop: dict[str, Any]) -> None:
    """One worker's run."""
    job: RayJob = loop["job"]
    context = ray.train.get_context()
    many = context.get_world_size() > 1
    store = open_artifacts(job.settings)
    with ExitStack() as stack:
        folder = Path(loop["folder"] or stack.enter_context(tempfile.TemporaryDirectory(prefix="journalclip-")))
        device = str(ray.train.torch.get_device())
        options = replace(job.options, device=device)
        start = load_folder(fetch_folder(store, job.start, folder / "start"))
        samples = open_samples(
            FrozenDataset.open(store, job.dataset), "train", start.preprocess, folder / "shards", options
        )
        _resume(folder)
        reporter = _Reporter(folder, job, loop["before_step"])
        fitted = fit(
            job.config, start, samples, folder, options=options, observe=reporter, world=Ranks() if many else Alone()
        )
        if context.get_world_rank() == 0:
            start.model.to(torch.device("cpu"))
            save_folder(start, folder / "final" / "model")
            final = Checkpoint.from_directory(str(folder / "final"))
        else:
            final = None
        ray.train.report({"step": fitted.steps, "loss": fitted.final_loss}, checkpoint=final)


def _resume(folder: Path) -> None:
    """Put the run's last reported checkpoint where `fit` looks for one."""
    last = ray.train.get_checkpoint()
    if last is not None:
        with last.as_directory() as saved:
            if (Path(saved) / CHECKPOINT).exists():
                shutil.copyfile(Path(saved) / CHECKPOINT, folder / CHECKPOINT)


@dataclass
class _Reporter:
    """Reports every saved checkpoint; every rank must, though only the first has one to give."""

    folder: Path
    job: RayJob
    also: Observe

    def __call__(self, point: Point, steps: int) -> None:
        self.also(point, steps)
        done = point.step + 1
        if done % self.job.options.checkpoint_every and done != steps:
            return
        checkpoint = None
        if ray.train.get_context().get_world_rank() == 0:
            fresh = Path(tempfile.mkdtemp(dir=self.folder))
            shutil.copyfile(self.folder / CHECKPOINT, fresh / CHECKPOINT)
            checkpoint = Checkpoint.from_directory(str(fresh))
        ray.train.report({"step": done, "loss": point.loss}, checkpoint=checkpoint)
