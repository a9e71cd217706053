"""Where a fit runs: in this process, or wherever a trainer takes it (see `ray_train`). What comes out is the same.

A `Run` is one kind's start with its training set, opened from references. Trainers know no kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.model import ModelFile
from journalclip_training.config import RunConfig, RunOptions
from journalclip_training.fit import Fitted, Observe
from journalclip_training.losses.process_group import ProcessGroup, Single


@dataclass(frozen=True)
class Task:
    """One run, by reference: what a worker on another machine needs as well. ``name`` is the model's id."""

    name: str
    config: RunConfig
    options: RunOptions
    store: ArtifactStore
    dataset: ArtifactRef
    start: Sequence[ModelFile]
    folder: Path


class Run(Protocol):
    """One kind's model and what it is trained on."""

    def fit(self, options: RunOptions, observe: Observe, world: ProcessGroup) -> Fitted:
        """Train the model in place, resuming from the task's folder. Raises `TrainingDiverged`."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model as a folder, from the CPU."""
        ...

    def adopt(self, folder: Path) -> None:
        """Take the weights of a folder that `save` wrote elsewhere."""
        ...


class Trainer(Protocol):
    """Trains a run's model in place, resuming what a killed run of the same task left."""

    def __call__(self, task: Task, run: Run, observe: Observe) -> Fitted:
        """``observe`` is told of steps as they end, not of every one where they end elsewhere."""
        ...


@dataclass(frozen=True)
class LocalTrainer:
    """In this process, on one device."""

    def __call__(self, task: Task, run: Run, observe: Observe) -> Fitted:
        return run.fit(task.options, observe, Single())
