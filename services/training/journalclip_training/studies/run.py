"""Studies as a `journalclip_training.trainer.Run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import StudyFolder, load_study_folder, save_study_folder
from journalclip_training.config import RunOptions
from journalclip_training.fit import Fitted, Observe
from journalclip_training.losses.world import World
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import load_samples
from journalclip_training.trainer import Task


@dataclass(frozen=True)
class StudyRun:
    """``start`` is trained on the task's studies."""

    task: Task
    config: StudyTrainConfig
    start: StudyFolder

    def fit(self, options: RunOptions, observe: Observe, world: World) -> Fitted:
        """Raises `TrainingDiverged`, `GridMismatch`."""
        task, start = self.task, self.start
        frozen = FrozenStudies.open(task.store, task.dataset)
        samples = load_samples(frozen, "train", self.config.model, task.folder / "shards", options)
        return fit_studies(
            self.config, start.model, start.tokenizer, samples, task.folder, options=options, observe=observe,
            world=world,
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        self.start.model.to(torch.device("cpu"))
        save_study_folder(self.start, folder)

    def adopt(self, folder: Path) -> None:
        self.start.model.load_state_dict(load_study_folder(folder).model.state_dict())
