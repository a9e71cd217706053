"""The fit core on many workers: a thin Ray Train (V2) wrapper, and nothing of training itself.

Each worker opens the dataset and calls `fit` with its rank; every batch is a function of seed and step, so a run that
loses a worker comes back from the last reported checkpoint at the same sample, also with another number of workers.
The run's name is the model's id: unique for what it computes, and Ray resumes a run of the same name and storage by
itself. Checkpoints are uploaded while the next steps run.
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
from ray import cloudpickle
from ray.train import Checkpoint, CheckpointConfig, CheckpointUploadMode, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records.model import ModelFile
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts
from journalclip_training.board import Board, watched
from journalclip_training.checkpoint import Point, read_progress
from journalclip_training.config import RunConfig as TrainingConfig
from journalclip_training.config import RunOptions
from journalclip_training.fit import Fitted, Observe, nobody
from journalclip_training.losses.process_group import Distributed, Single
from journalclip_training.runs import open_run
from journalclip_training.storage import Storage
from journalclip_training.trainer import Run, Task

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class RayJob:
    """Everything a worker needs, by value or by reference: it shares no memory or disk with the others."""

    name: str
    config: TrainingConfig
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
    gpus: float = 1.0  # of one worker, with ``gpu``; NCCL takes no two workers of a run on one GPU
    storage: str = ""  # a shared folder for Ray's own checkpoints; empty: beside the artifacts, folder or bucket


@dataclass(frozen=True)
class RayTrainer:
    """`Trainer` on a Ray cluster."""

    settings: Settings
    scale: RayScale

    def __call__(self, task: Task, run: Run, observe: Observe) -> Fitted:
        job = RayJob(task.name, task.config, self.settings, task.dataset, task.start, task.options)
        folder = fit_on_ray(job, self.scale, task.folder / "from-ray", progress=observe)
        run.adopt(folder / "model")
        done = read_progress(folder / CHECKPOINT)
        return Fitted(done.step, done.curve, done.history, done.facts)


def fit_on_ray(
    job: RayJob, scale: RayScale, into: Path, before_step: Observe = nobody, progress: Observe = nobody
) -> Path:
    """Train, and leave the model's folder ``model`` and the last checkpoint below ``into``.

    ``before_step`` runs on each worker as each step ends; ``progress`` runs here, now and then.
    """
    with tempfile.TemporaryDirectory(prefix="journalclip-") as shared, ExitStack() as stack:
        # Without a cluster nobody uploads: the result must outlive the loop.
        here = shared if scale.workers == 0 else None
        board = None if scale.workers == 0 else stack.enter_context(watched(progress))
        # As bytes: Ray's controller reads the loop's arguments, too, and would import the towers for it.
        packed = cloudpickle.dumps((job, before_step))
        trainer = _trainer(job, scale, {"job": packed, "folder": here, "board": board})
        with trainer.fit().checkpoint.as_directory() as folder:
            shutil.copytree(folder, into, dirs_exist_ok=True)
    return into


def _trainer(job: RayJob, scale: RayScale, loop: dict[str, Any]) -> TorchTrainer:
    storage = Storage.of(job.settings, scale.storage)
    return TorchTrainer(
        _work,
        train_loop_config=loop,
        torch_config=TorchConfig(backend="nccl" if scale.gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=scale.workers,
            use_gpu=scale.gpu,
            resources_per_worker={"CPU": 1.0, "GPU": scale.gpus} if scale.gpu else None,
        ),
        run_config=RunConfig(
            name=job.name,
            storage_path=storage.path,
            storage_filesystem=storage.filesystem,
            failure_config=FailureConfig(max_failures=scale.failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )


def _work(loop: dict[str, Any]) -> None:
    """One worker's run."""
    job: RayJob
    job, before_step = cloudpickle.loads(loop["job"])
    context = ray.train.get_context()
    many = context.get_world_size() > 1
    with ExitStack() as stack:
        folder = Path(loop["folder"] or stack.enter_context(tempfile.TemporaryDirectory(prefix="journalclip-")))
        options = replace(job.options, device=str(ray.train.torch.get_device()))
        store = open_artifacts(job.settings)
        run = open_run(Task(job.name, job.config, options, store, job.dataset, job.start, folder))
        _resume(folder)
        reporter = _Reporter(folder, job, before_step, loop["board"])
        fitted = run.fit(options, reporter, Distributed() if many else Single())
        final = None
        if context.get_world_rank() == 0:
            run.save(folder / "final" / "model")
            shutil.copyfile(folder / CHECKPOINT, folder / "final" / CHECKPOINT)
            final = Checkpoint.from_directory(str(folder / "final"))
        ray.train.report({"step": fitted.steps, "loss": fitted.final_loss}, checkpoint=final)


def _resume(folder: Path) -> None:
    """Put the run's last reported checkpoint where `fit` looks for one."""
    last = ray.train.get_checkpoint()
    if last is not None:
        with last.as_directory() as saved:
            shutil.copyfile(Path(saved) / CHECKPOINT, folder / CHECKPOINT)


@dataclass
class _Reporter:
    """Reports every saved checkpoint; every rank must, though only the first has one to give."""

    folder: Path
    job: RayJob
    also: Observe
    board: Board | None

    def __call__(self, point: Point, steps: int) -> None:
        self.also(point, steps)
        first = ray.train.get_context().get_world_rank() == 0
        if first and self.board is not None:
            self.board.show(point, steps)
        done = point.step + 1
        if done % self.job.options.checkpoint_every or done == steps:  # the last is reported with the model
            return
        checkpoint = None
        if first:
            fresh = Path(tempfile.mkdtemp(dir=self.folder))
            shutil.copyfile(self.folder / CHECKPOINT, fresh / CHECKPOINT)
            checkpoint = Checkpoint.from_directory(str(fresh))
        ray.train.report(
            {"step": done, "loss": point.loss},
            checkpoint=checkpoint,
            checkpoint_upload_mode=CheckpointUploadMode.ASYNC,
            delete_local_checkpoint_after_upload=True,
        )
