"""One run over studies as one frozen value, as `journalclip_training.config` has it for figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal, cast

from pydantic import TypeAdapter, ValidationError

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_shared.ids import Json, canonical_json, sha256_hex
from journalclip_training.config import LossConfig, OptimConfig, assign
from journalclip_training.errors import SettingInvalid


@dataclass(frozen=True)
class StudyDataConfig:
    """How studies are shown. A pair's unit is a study with its descriptions, or one volume with its own text."""

    min_studies: int = 8
    unit: Literal["study", "volume"] = "study"
    unique_texts: bool = False  # no text twice in a batch; for units of one volume
    drop_sequences: float = 0.3  # chance that a present sequence is hidden for a step, so that any subset is met
    shift: int = 2  # pixels a study is moved by at most; never a flip, since sides carry meaning
    brightness: float = 0.1  # spread of a random gain
    zoom: float = 0.0  # in-plane, 1 - zoom to 1 + zoom
    turn: float = 0.0  # radians about the slice axis, at most
    gamma: float = 0.0  # exponent of the intensities, 1 - gamma to 1 + gamma
    elastic: float = 0.0  # pixels that a coarse grid of places is moved by in-plane, at most


@dataclass(frozen=True)
class StudyTrainConfig:
    """A recipe's result. ``optim.batch`` counts units: studies, or volumes."""

    recipe: str
    seed: int = 0
    data: StudyDataConfig = field(default_factory=StudyDataConfig)
    model: StudyModelConfig = field(default_factory=StudyModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    study_weight: float = 0.5  # share of the study-level contrast; the rest contrasts sequences with descriptions
    text_base: str = ""  # a pretrained text encoder's folder or Hugging Face name; empty: random weights
    bf16: bool = False
    checkpoint_slices: int = 0  # slices recomputed together in the backward pass; 0: all activations are kept

    def canonical(self) -> bytes:
        return canonical_json(cast(Json, asdict(self)))

    @property
    def digest(self) -> str:
        return sha256_hex(self.canonical())


_CONFIG = TypeAdapter(StudyTrainConfig)


def study_config_from_json(data: bytes | str) -> StudyTrainConfig:
    """Inverse of `StudyTrainConfig.canonical`."""
    return _CONFIG.validate_json(data)


def with_study_settings(config: StudyTrainConfig, assignments: Iterable[str]) -> StudyTrainConfig:
    """``key=value`` pairs over a configuration. Raises `SettingInvalid`."""
    tree = asdict(config)
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise SettingInvalid(assignment, "not of the form key=value")
        assign(tree, key.split("."), value, assignment)
    try:
        return _CONFIG.validate_python(tree)
    except ValidationError as error:
        raise SettingInvalid(", ".join(assignments), error.errors()[0]["msg"]) from error
