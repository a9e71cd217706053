"""What differs between kinds in one training: samples, start, fit, and what is scored at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelFile
from journalclip_training.config import RunConfig, RunOptions
from journalclip_training.fit import Fitted, Observe

Record = Callable[[str, Callable[[Path], None]], None]  # a picture's name, and what draws it into a file


@dataclass(frozen=True)
class Job:
    """One training by reference. ``folder`` is its own work folder; a killed run resumes from it."""

    store: ArtifactStore
    dataset: ArtifactRef
    config: RunConfig
    options: RunOptions
    model_id: str
    folder: Path

    @property
    def start(self) -> Path:
        return self.folder / "start"


class Learning(Protocol):
    """One training of one kind. Methods are called in the order in which they stand here."""

    @property
    def dataset(self) -> DatasetManifest: ...

    def check(self) -> None:
        """Raises `DatasetTooSmall`, and what a dataset of another shape raises."""
        ...

    def make_start(self, folder: Path) -> None:
        """Write the starting point as a whole model folder. Raises `BaseUnavailable`."""
        ...

    def fit(self, start_files: tuple[ModelFile, ...], observe: Observe) -> Fitted:
        """Load the start and train it, resuming what a killed run left. Raises `TrainingDiverged`."""
        ...

    def measure(self, record: Record) -> dict[str, float]:
        """Scores on the validation split; may change the model, as forgetting control does."""
        ...

    def save(self, folder: Path) -> None:
        """Write the trained model as a folder."""
        ...

    def card(self, base: str, metrics: dict[str, float]) -> dict[str, str]:
        """The model card's fields, all required ones filled."""
        ...


class TrainingKind(Protocol):
    """What the handler needs of a kind."""

    @property
    def kind(self) -> Kind: ...

    def configure(self, recipe: str, overrides: Iterable[str]) -> RunConfig:
        """Raises `RecipeUnknown`, `SettingInvalid`."""
        ...

    def base(self, config: RunConfig) -> str:
        """Where the run starts from, as part of the model's id."""
        ...

    def open(self, job: Job) -> Learning: ...
