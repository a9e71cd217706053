"""A trained quality model: two multinomial logistic regressions as plain JSON, for usefulness and for modality.

Inputs are the image's features and which modalities its caption names. The file holds numbers and names only; loading
it runs nothing. Its digest is part of the extractor's slug, since another model gives other records.
"""

from __future__ import annotations

from functools import cached_property
from typing import get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from journalclip_extraction.quality.features import NAMES, Vector
from journalclip_extraction.quality.words import is_idle, named
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.article import Modality, Usefulness

_SPOKEN: tuple[Modality, ...] = get_args(Modality)

INPUTS: tuple[str, ...] = (*NAMES, *(f"names {modality}" for modality in _SPOKEN), "idle")


class Head(BaseModel):
    """``weights``: one row of `INPUTS` a class, on standardised inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    def decide(self, standardised: Vector, votes: Vector | float = 0.0) -> tuple[str, float]:
        """The likeliest class and its probability; ``votes`` are added to the logits."""
        logits = self._matrix @ standardised + np.array(self.bias) + votes
        shares = np.exp(logits - logits.max())
        best = int(shares.argmax())
        return self.classes[best], float(shares[best] / shares.sum())

    @cached_property
    def _matrix(self) -> Vector:
        return np.array(self.weights)


class QualityModel(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    usefulness: Head
    modality: Head
    labels: int
    accuracy: dict[str, float]

    def judge(self, inputs: Vector) -> tuple[tuple[Usefulness, float], tuple[Modality, float]]:
        standardised = (inputs - np.array(self.mean)) / np.array(self.scale)
        useful, surety = self.usefulness.decide(standardised)
        modality, likelihood = self.modality.decide(standardised)
        return (_usefulness(useful), surety), (_modality(modality), likelihood)


def parse(text: str) -> QualityModel:
    """Raises `PermanentError` ``quality-model-invalid``."""
    try:
        model = QualityModel.model_validate_json(text)
    except ValidationError as error:
        raise _invalid(f"{error.error_count()} fields do not fit") from error
    heads = (model.usefulness, model.modality)
    widths = {len(row) for head in heads for row in head.weights} | {len(model.mean), len(model.scale)}
    if model.inputs != INPUTS or widths != {len(INPUTS)}:
        raise _invalid("it was trained on other inputs than this version measures")
    if any(not len(head.classes) == len(head.weights) == len(head.bias) for head in heads):
        raise _invalid("its classes, weights and biases are not of one number")
    if not set(model.usefulness.classes) <= set(get_args(Usefulness)) or not set(model.modality.classes) <= set(
        _SPOKEN
    ):
        raise _invalid("it names classes that do not exist")
    return model


def version(text: str) -> str:
    """How records name the model: ``model-`` and the beginning of its digest."""
    return f"model-{sha256_hex(text.encode())[:12]}"


def inputs_of(measured: Vector, caption: str) -> Vector:
    """The numbers of `INPUTS`."""
    spoken = named(caption)
    # The earlier a modality is named, the more it counts.
    ranks = [1 / (1 + spoken.index(modality)) if modality in spoken else 0.0 for modality in _SPOKEN]
    return np.array([*measured, *ranks, float(is_idle(caption))])


def _usefulness(name: str) -> Usefulness:
    return next(each for each in get_args(Usefulness) if each == name)


def _modality(name: str) -> Modality:
    return next(each for each in _SPOKEN if each == name)


def _invalid(why: str) -> PermanentError:
    return PermanentError(
        "quality-model-invalid", f"not a quality model: {why}", "Train it anew: journalclip quality train"
    )
