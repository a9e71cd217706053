"""Learn the classifiers of `pictures` from labelled figures, and measure them with no article on both sides.

A label file is JSON lines with ``file``, ``article``, ``caption`` and any of ``kind``, ``modality``, ``useful``,
``marks``; the pictures lie beside it. The same file gives the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from journalclip_extraction.quality.features import Vector
from journalclip_extraction.quality.model import Head
from journalclip_extraction.quality.pictures import PictureModel, see
from journalclip_shared.errors import PermanentError

FOLDS = 5
_STRENGTH = 0.1  # inverse of the regularisation: far more inputs than labels
_MARKS_STRENGTH = 0.003  # marks are small in a picture: little of it can be seen in the features
_TOLERANCE = 1e-3
_ROUNDS = 500
_SIDE = 512  # as `judge.reduced` shows them
_TASKS = ("kind", "modality", "useful", "marks")
_DIGITS = 4  # of the stored weights


class LabelledFigure(BaseModel):
    """A line of the label file; keys that are absent were in doubt."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    article: str
    caption: str = ""
    kind: str = ""
    modality: tuple[str, ...] = ()
    useful: str = ""
    marks: str = ""

    def answer(self, task: str) -> str:
        if task == "modality":
            return self.modality[0] if self.modality and self.kind == "radiology" else ""
        return {"kind": self.kind, "useful": self.useful, "marks": self.marks}[task]


@dataclass(frozen=True)
class Fold:
    """A model and the figures that it did not see."""

    model: PictureModel
    unseen: tuple[LabelledFigure, ...]


def read_figures(path: Path) -> list[LabelledFigure]:
    """Raises `PermanentError` ``labels-invalid``."""
    try:
        lines = path.read_text("utf-8").splitlines()
        return [LabelledFigure.model_validate_json(line) for line in lines if line.strip()]
    except (OSError, ValidationError) as error:
        raise PermanentError("labels-invalid", f"{path}: {error}", "One JSON object a line, see panels.md.") from error


def measured(figures: Sequence[LabelledFigure], folder: Path) -> Vector:
    """(figures, 1306) inputs. Reads pictures outside the sandbox: for files that a person has labelled."""
    rows = []
    for figure in figures:
        with Image.open(folder / figure.file) as opened:
            image = opened.convert("RGB")
        size = image.size
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
        rows.append(see(image, size).inputs)
    return np.stack(rows)


def fit(figures: Sequence[LabelledFigure], inputs: Vector, source: str) -> PictureModel:
    """One regression a task. Kinds are told without regard to how common they are in the label file."""
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    at = (inputs - mean) / scale
    heads = {task: _head(at, [f.answer(task) for f in figures], task) for task in _TASKS}
    return PictureModel(
        mean=_plain(mean),
        scale=_plain(scale),
        kind=heads["kind"],
        modality=heads["modality"],
        useful=heads["useful"],
        marks=heads["marks"],
        labels=len(figures),
        source=source,
    )


def folds(figures: Sequence[LabelledFigure], inputs: Vector) -> Iterator[Fold]:
    """Five models, each with the articles that it was not fitted to. Raises `PermanentError` ``labels-too-few``."""
    from sklearn.model_selection import GroupKFold

    articles = [figure.article for figure in figures]
    if len(set(articles)) < FOLDS:
        raise PermanentError("labels-too-few", f"{len(set(articles))} articles", f"Label {FOLDS} articles or more.")
    for seen, unseen in GroupKFold(FOLDS).split(inputs, groups=articles):
        model = fit([figures[at] for at in seen], inputs[seen], "a fold")
        yield Fold(model, tuple(figures[at] for at in unseen))


def save(model: PictureModel) -> str:
    return json.dumps(model.model_dump(mode="json"), sort_keys=True) + "\n"


def _head(standardised: Vector, answers: Sequence[str], task: str) -> Head:
    """Fitted to the figures that have an answer, in the space that they span: the same solution, in less time."""
    from sklearn.linear_model import LogisticRegression

    known = [at for at, answer in enumerate(answers) if answer]
    labels = [answers[at] for at in known]
    left, size, axes = np.linalg.svd(standardised[known], full_matrices=False)
    strength = _MARKS_STRENGTH if task == "marks" else _STRENGTH
    fitted = LogisticRegression(C=strength, tol=_TOLERANCE, max_iter=_ROUNDS)
    fitted.fit(left * size, labels)
    weights, bias = fitted.coef_ @ axes, fitted.intercept_
    if len(fitted.classes_) == 2:  # one row for two classes: the first's logit is nought
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    if task == "kind":
        bias = bias - np.log([labels.count(each) / len(labels) for each in fitted.classes_])
    return Head(
        classes=tuple(str(each) for each in fitted.classes_),
        weights=tuple(_plain(row) for row in weights),
        bias=_plain(bias),
    )


def _plain(numbers: Vector) -> tuple[float, ...]:
    return tuple(float(f"{number:.{_DIGITS}g}") for number in numbers)
