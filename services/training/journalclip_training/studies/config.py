"""One run over studies as one frozen value, as `journalclip_training.config` has it for figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import cast

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_shared.ids import Json, canonical_json, sha256_hex
from journalclip_training.config import LossConfig, OptimConfig


@dataclass(frozen=True)
class StudyDataConfig:
    """How studies are shown."""

    min_studies: int = 8
    drop_sequences: float = 0.3  # chance that a present sequence is hidden for a step, so that any subset is met
    shift: int = 2  # pixels a study is moved by at most; never a flip, since sides carry meaning
    brightness: float = 0.1  # spread of a random gain


@dataclass(frozen=True)
class StudyTrainConfig:
    """A recipe's result. ``optim.batch`` counts studies."""

    recipe: str
    seed: int = 0
    data: StudyDataConfig = field(default_factory=StudyDataConfig)
    model: StudyModelConfig = field(default_factory=StudyModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    study_weight: float = 0.5  # share of the study-level contrast; the rest contrasts sequences with descriptions

    def canonical(self) -> bytes:
        return canonical_json(cast(Json, asdict(self)))

    @property
    def digest(self) -> str:
        return sha256_hex(self.canonical())
