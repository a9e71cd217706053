"""Where a fit runs: in this process, or wherever a trainer takes it (see `ray_train`). What comes out is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.preprocess import Preprocess
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.model import ModelFile
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.fit import Fitted, Observe, fit
from journalclip_training.samples import Samples, open_samples
from journalclip_training.start import frozen_dataset


@dataclass(frozen=True)
class Task:
    """One run, by reference: what a worker on another machine needs as well. ``name`` is the model's id."""

    name: str
    config: TrainConfig
    options: RunOptions
    store: ArtifactStore
    dataset: ArtifactRef
    start: Sequence[ModelFile]
    folder: Path


class Trainer(Protocol):
    """Trains ``start.model`` in place, resuming what a killed run of the same task left."""

    def __call__(self, task: Task, start: ClipFolder, observe: Observe) -> Fitted:
        """``observe`` is told of steps as they end, not of every one where they end elsewhere."""
        ...


@dataclass(frozen=True)
class Here:
    """In this process, on one device."""

    def __call__(self, task: Task, start: ClipFolder, observe: Observe) -> Fitted:
        own, replayed = open_task(task, start.preprocess)
        return fit(task.config, start, own, task.folder, options=task.options, observe=observe, replay=replayed)


def open_task(task: Task, preprocess: Preprocess) -> tuple[Samples, Samples | None]:
    """The training split, and the general pairs that are replayed beside it. Raises as `open_replayed`."""
    dataset = FrozenDataset.open(task.store, task.dataset)
    own = open_samples(dataset, "train", preprocess, task.folder / "shards", task.options)
    return own, open_replayed(task.store, task.config, preprocess, task.folder, task.options)


def open_replayed(
    store: ArtifactStore, config: TrainConfig, preprocess: Preprocess, folder: Path, options: RunOptions
) -> Samples | None:
    """The general pairs of a recipe that replays some. Raises `PermanentError` ``dataset-unknown`` where the store has
    not the dataset it names."""
    if not config.forgetting.replay:
        return None
    general = FrozenDataset.open(store, frozen_dataset(store, config.forgetting.replay_dataset).manifest)
    return open_samples(general, "train", preprocess, folder / "shards", options)
