"""Studies as a `journalclip_training.trainer.Run`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import StudyFolder, load_study_folder, save_study_folder
from journalclip_training.config import RunOptions
from journalclip_training.fit import Fitted, Observe
from journalclip_training.losses.process_group import ProcessGroup
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.encode import study_recall
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import known_studies, load_samples
from journalclip_training.studies.samples import StudySamples
from journalclip_training.trainer import Task
from journalclip_training.validation import Score, fixed_part


@dataclass(frozen=True)
class StudyRun:
    """``start`` is trained on the task's studies."""

    task: Task
    config: StudyTrainConfig
    start: StudyFolder

    def fit(self, options: RunOptions, observe: Observe, world: ProcessGroup) -> Fitted:
        """Raises `TrainingDiverged`, `GridMismatch`."""
        task, start = self.task, self.start
        frozen = FrozenStudies.open(task.store, task.dataset)
        samples = load_samples(frozen, "train", self.config.model, task.folder / "shards", options)
        return fit_studies(
            self.config, start.model, start.tokenizer, samples, task.folder, options=options, observe=observe,
            world=world, score=self._score(frozen, options),
        )  # fmt: skip

    def _score(self, frozen: FrozenStudies, options: RunOptions) -> Score | None:
        """Opened when it is first asked: only the first rank is."""
        model, folder = self.config.model, self.task.folder / "shards"
        if not (self.config.optim.validations and known_studies(frozen, "val", model)):
            return None

        @cache
        def part() -> StudySamples:
            val = load_samples(frozen, "val", model, folder, options)
            return val.subset(fixed_part(len(val)).tolist())

        return lambda: study_recall(self.start, part())

    def save(self, folder: Path) -> None:
        self.start.model.to(torch.device("cpu"))
        save_study_folder(self.start, folder)

    def adopt(self, folder: Path) -> None:
        self.start.model.load_state_dict(load_study_folder(folder).model.state_dict())
