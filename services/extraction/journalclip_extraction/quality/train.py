"""Train a quality model from a label file: ``[{article, figure, usefulness, modality}]`` beside the PDFs it names.

Accuracy is measured by cross-validation in which no article is on both sides; then the model is fitted to all labels.
The same labels and PDFs give the same model.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.quality.features import Vector, measure
from journalclip_extraction.quality.judge import judge
from journalclip_extraction.quality.model import INPUTS, Head, QualityModel, inputs_of
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import Modality, Usefulness

_FOLDS = 5
_STRENGTH = 0.3  # inverse of the regularisation: a few hundred labels for some forty inputs


class Label(BaseModel):
    """What a person said of one figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: str
    figure: str
    usefulness: Usefulness
    modality: Modality


@dataclass(frozen=True)
class Example:
    """A labelled figure, measured; what the rules say of it, for comparison."""

    label: Label
    inputs: Vector
    ruled: tuple[Usefulness, Modality]


@dataclass(frozen=True)
class Report:
    """Shares of labels met; ``model`` by cross-validation over articles, ``confusion`` as (label, judged) -> count."""

    labels: int
    found: int
    rules: dict[str, float]
    model: dict[str, float]
    majority: dict[str, float]
    confusion: dict[str, int]


def read_labels(path: Path) -> list[Label]:
    """Raises `PermanentError` ``labels-invalid``."""
    try:
        return TypeAdapter(list[Label]).validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        raise PermanentError(
            "labels-invalid", f"{path}: {error}", "See docs/architecture/quality-control.md."
        ) from error


def examples(labels: Sequence[Label], pdfs: Path, sandbox: Sandbox) -> Iterator[Example]:
    """The labelled figures that extraction finds; others are left out."""
    for article in sorted({label.article for label in labels}):
        path = pdfs / Path(article).name
        if not path.is_file():
            continue
        read = sandbox.read(path.read_bytes(), ExtractOptions(panels=False))
        figures = {figure.number: figure for each in read.articles for figure in each.figures}
        for label in labels:
            figure = figures.get(label.figure) if label.article == article else None
            if figure is None or figure.crop is None:
                continue
            image, size = Image.open(io.BytesIO(figure.crop.data)), (figure.crop.width, figure.crop.height)
            quality, modality, _ = judge(image, figure.caption)
            inputs = inputs_of(measure(image, size), figure.caption)
            yield Example(label, inputs, (quality.usefulness, modality))


def train(found: Sequence[Example], labels: int) -> tuple[QualityModel, Report]:
    """Raises `PermanentError` ``labels-too-few``."""
    if len({each.label.article for each in found}) < _FOLDS or len({each.label.usefulness for each in found}) < 2:
        raise PermanentError(
            "labels-too-few",
            f"{len(found)} figures with labels were found",
            f"Label figures of {_FOLDS} articles or more.",
        )
    inputs = np.array([each.inputs for each in found])
    truth: dict[str, list[str]] = {
        "usefulness": [each.label.usefulness for each in found],
        "modality": [each.label.modality for each in found],
    }
    ruled: dict[str, list[str]] = {
        "usefulness": [each.ruled[0] for each in found],
        "modality": [each.ruled[1] for each in found],
    }
    groups = [each.label.article for each in found]
    guessed = {task: _cross_validated(inputs, truth[task], groups) for task in truth}
    accuracy = {task: _share(truth[task], guessed[task]) for task in truth}
    mean, scale = inputs.mean(axis=0), np.where(inputs.std(axis=0) > 0, inputs.std(axis=0), 1.0)
    heads = {task: _fit((inputs - mean) / scale, truth[task]) for task in truth}
    model = QualityModel(
        inputs=INPUTS,
        mean=_plain(mean),
        scale=_plain(scale),
        usefulness=heads["usefulness"],
        modality=heads["modality"],
        labels=len(found),
        accuracy=accuracy,
    )
    confusion = Counter(zip(truth["usefulness"], guessed["usefulness"], strict=True))
    report = Report(
        labels=labels,
        found=len(found),
        rules={task: _share(truth[task], ruled[task]) for task in truth},
        model=accuracy,
        majority={task: round(Counter(truth[task]).most_common(1)[0][1] / len(found), 4) for task in truth},
        confusion={f"{label} -> {judged}": count for (label, judged), count in sorted(confusion.items())},
    )
    return model, report


def save(model: QualityModel) -> str:
    """The model's file: canonical, so that the same model has the same digest."""
    return json.dumps(model.model_dump(mode="json"), sort_keys=True, indent=1) + "\n"


def _cross_validated(inputs: Vector, truth: Sequence[str], groups: Sequence[str]) -> list[str]:
    from sklearn.model_selection import GroupKFold

    guessed = [""] * len(truth)
    for seen, unseen in GroupKFold(_FOLDS).split(inputs, truth, groups):
        mean, deviation = inputs[seen].mean(axis=0), inputs[seen].std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        head = _fit((inputs[seen] - mean) / scale, [truth[at] for at in seen])
        for at in unseen:
            guessed[at] = head.decide((inputs[at] - mean) / scale)[0]
    return guessed


def _fit(standardised: Vector, truth: Sequence[str]) -> Head:
    """Multinomial logistic regression; a class with one label is a class."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=_STRENGTH, max_iter=1000).fit(standardised, truth)
    weights, bias = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # one row for two classes: the first's logit is nought
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    return Head(
        classes=tuple(str(each) for each in fitted.classes_),
        weights=tuple(_plain(row) for row in weights),
        bias=_plain(bias),
    )


def _plain(numbers: Vector) -> tuple[float, ...]:
    return tuple(round(float(number), 6) for number in numbers)


def _share(truth: Sequence[str], judged: Sequence[str]) -> float:
    return round(sum(a == b for a, b in zip(truth, judged, strict=True)) / len(truth), 4)
