"""One run over studies as one frozen value, as `journalclip_training.config` has it for figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, cast

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_shared.ids import Json, canonical_json, sha256_hex
from journalclip_training.config import LossConfig, OptimConfig, Precision


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
    image_base: str = ""  # pretrained image tower: a study model's folder, a backbone's, or a Hugging Face name
    precision: Precision = "float32"  # what the towers compute in
    checkpoint_slices: int = 0  # slices recomputed together in the backward pass; 0: all activations are kept

    def canonical(self) -> bytes:
        return canonical_json(cast(Json, asdict(self)))

    @property
    def digest(self) -> str:
        return sha256_hex(self.canonical())
