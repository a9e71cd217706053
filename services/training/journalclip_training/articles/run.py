"""Figures as a `journalclip_training.trainer.Run`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import ClipFolder, load_folder, save_folder
from journalclip_modeling.preprocess import Preprocess
from journalclip_shared.artifacts import ArtifactStore
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.fit import Fitted, Observe, fit
from journalclip_training.losses.process_group import ProcessGroup
from journalclip_training.reference import RetrievalScore
from journalclip_training.samples import Samples, open_samples
from journalclip_training.start import frozen_dataset
from journalclip_training.trainer import Task
from journalclip_training.validation import Score, fixed_part


@dataclass(frozen=True)
class FigureRun:
    """``start`` is trained on the task's figures."""

    task: Task
    config: TrainConfig
    start: ClipFolder

    def fit(self, options: RunOptions, observe: Observe, world: ProcessGroup) -> Fitted:
        """Raises `TrainingDiverged`, and as `open_replayed`."""
        task, preprocess = self.task, self.start.preprocess
        dataset = FrozenDataset.open(task.store, task.dataset)
        own = open_samples(dataset, "train", preprocess, task.folder / "shards", options)
        replayed = open_replayed(task.store, self.config, preprocess, task.folder, options)
        return fit(
            self.config, self.start, own, task.folder, options=options, observe=observe, world=world, replay=replayed,
            score=self._score(dataset, options),
        )  # fmt: skip

    def _score(self, dataset: FrozenDataset, options: RunOptions) -> Score | None:
        """Opened when it is first asked: only the first rank is."""
        if not (self.config.optim.validations and dataset.manifest.splits["val"].pairs):
            return None

        @cache
        def score() -> RetrievalScore:
            val = open_samples(dataset, "val", self.start.preprocess, self.task.folder / "shards", options)
            return RetrievalScore(val, rows=fixed_part(len(val)))

        return lambda: score()(self.start)

    def save(self, folder: Path) -> None:
        self.start.model.to(torch.device("cpu"))
        save_folder(self.start, folder)

    def adopt(self, folder: Path) -> None:
        self.start.model.load_state_dict(load_folder(folder).model.state_dict())


def open_replayed(
    store: ArtifactStore, config: TrainConfig, preprocess: Preprocess, folder: Path, options: RunOptions
) -> Samples | None:
    """The general pairs of a recipe that replays some. Raises `PermanentError` ``dataset-unknown`` where the store has
    not the dataset it names."""
    if not config.forgetting.replay:
        return None
    general = FrozenDataset.open(store, frozen_dataset(store, config.forgetting.replay_dataset).manifest)
    return open_samples(general, "train", preprocess, folder / "shards", options)
