"""Studies: volumes by sequence beside what the report says of each, a study model from nothing as start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import StudyFolder, load_study_folder, save_study_folder
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelFile
from journalclip_shared.records.study import StructuredStudy
from journalclip_training.card import study_card
from journalclip_training.config import RunConfig
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.fit import Fitted, Observe
from journalclip_training.learning import Job, Record
from journalclip_training.recipes import RECIPES, Recipe, configure
from journalclip_training.reference import VALIDATION_K
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.encode import study_recall
from journalclip_training.studies.load import known_pairs, known_studies, load_samples
from journalclip_training.studies.run import StudyRun
from journalclip_training.studies.start import describe_study_base, load_study_base
from journalclip_training.trainer import LocalTrainer, Task, Trainer


@dataclass
class StudyLearning:
    """`Learning` of one study model."""

    job: Job
    config: StudyTrainConfig
    trainer: Trainer = LocalTrainer()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        self.frozen = FrozenStudies.open(self.job.store, self.job.dataset)

    @property
    def dataset(self) -> DatasetManifest:
        return self.frozen.manifest

    @cached_property
    def studies(self) -> list[StructuredStudy]:
        """What is trained on, without voxels: the fit opens those where it runs."""
        return known_studies(self.frozen, "train", self.config.model)

    @cached_property
    def model(self) -> StudyFolder:
        return load_study_folder(self.job.start)

    def check(self) -> None:
        needed = self.config.data.min_studies
        if len(self.studies) < needed:
            raise DatasetTooSmall(self.dataset.dataset_id, len(self.studies), "studies", needed, "data.min_studies")

    def make_start(self, folder: Path) -> None:
        texts = [pair.text for study in self.studies for pair in known_pairs(study, self.config.model)]
        save_study_folder(load_study_base(self.config, texts), folder)

    def fit(self, start_files: tuple[ModelFile, ...], observe: Observe) -> Fitted:
        job = self.job
        task = Task(job.model_id, self.config, job.options, job.store, job.dataset, start_files, job.folder)
        return self.trainer(task, StudyRun(task, self.config, self.model), observe)

    def measure(self, record: Record) -> dict[str, float]:
        """Recall of whole studies and whole reports on the validation split."""
        del record  # a study's pictures stay in the archive
        if not self.dataset.splits["val"].pairs:
            return {}
        val = load_samples(self.frozen, "val", self.config.model, self.job.folder / "shards", self.job.options)
        self.model.model.to(self.job.options.device)  # from Ray it comes on the CPU
        return {"val_pool": float(len(val)), f"val_recall_at_{VALIDATION_K}": study_recall(self.model, val)}

    def save(self, folder: Path) -> None:
        self.model.model.cpu()
        save_study_folder(self.model, folder)

    def card(self, base: str, metrics: dict[str, float]) -> dict[str, str]:
        return study_card(base, self.dataset, metrics)


@dataclass(frozen=True)
class StudyTraining:
    """`TrainingKind` of studies."""

    trainer: Trainer = LocalTrainer()  # noqa: RUF009 - frozen
    recipes: Mapping[str, Recipe] = field(default_factory=lambda: RECIPES)
    kind: Kind = field(default="studies", init=False)

    def configure(self, recipe: str, overrides: Iterable[str]) -> RunConfig:
        return configure(recipe, overrides, self.kind, self.recipes)

    def base(self, config: RunConfig) -> str:
        return describe_study_base(_ours(config))

    def open(self, job: Job) -> StudyLearning:
        return StudyLearning(job, _ours(job.config), self.trainer)


def _ours(config: RunConfig) -> StudyTrainConfig:
    if not isinstance(config, StudyTrainConfig):
        raise TypeError(f"{type(config).__name__} is no configuration of studies")
    return config
