"""Classification by one model: zero-shot with prompt ensembles, a linear probe, and fine-tuning.

Every protocol ends in one score a class for each test picture, and every figure comes from those scores: accuracy with
an interval by patient, AUROC per class and macro with DeLong's (also by patient), and the hits that paired tests need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from journalclip_evaluation.auroc import Auroc, auroc, compare_auroc, macro
from journalclip_evaluation.bootstrap import Groups, difference, interval
from journalclip_evaluation.suite_data import Labelled, Open
from journalclip_evaluation.suites import ClassSpec, Protocol
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_shared.records import Document

Doubles = NDArray[np.float64]
_AT_ONCE = 256  # pictures in memory at a time


class ClassFigures(Document):
    """One class against the rest."""

    auroc: float
    auroc_ci: tuple[float, float]
    positives: int


class Classification(Document):
    """One protocol on one suite."""

    suite: str
    protocol: Protocol
    items: int
    groups: int
    accuracy: float
    accuracy_ci: tuple[float, float]
    chance: float
    macro_auroc: float
    macro_auroc_ci: tuple[float, float]
    classes: dict[str, ClassFigures]
    without_items: tuple[str, ...] = ()  # classes that no test picture is of: they have no AUROC


@dataclass(frozen=True)
class Classified:
    """The figures, and the scores [N, C] that they and all paired tests come from."""

    figures: Classification
    scores: Doubles
    hits: Doubles
    macro: Auroc
    groups: Groups


class Change(Document):
    """A paired difference, second minus first, with its 95 % interval and two-sided p."""

    mean: float
    low: float
    high: float
    p: float


class ClassificationChange(Document):
    """Two models on the same items: accuracy by bootstrap over patients, macro AUROC by DeLong's paired test."""

    protocol: Protocol
    accuracy: Change
    macro_auroc: Change


def compare_classified(before: Classified, after: Classified) -> ClassificationChange:
    """Both of one suite and protocol."""
    hits = difference(before.hits, after.hits, after.groups)
    area = compare_auroc(before.macro, after.macro, groups=after.groups)
    return ClassificationChange(
        protocol=after.figures.protocol,
        accuracy=Change(mean=hits.mean, low=hits.low, high=hits.high, p=hits.p),
        macro_auroc=Change(mean=area.value, low=area.low, high=area.high, p=area.p),
    )


def zero_shot_scores(encoder: Encoder, test: Labelled, templates: Sequence[str]) -> Doubles:
    """Cosine of each picture with each class's mean prompt vector: [N, C]."""
    images = embed(encoder, test.pictures)
    return np.asarray(images @ class_vectors(encoder, test.classes, templates).T, dtype=np.float64)


def class_vectors(encoder: Encoder, classes: Sequence[ClassSpec], templates: Sequence[str]) -> Vectors:
    """One mean prompt vector a class: [C, dim]."""
    return np.stack([prompt_vector(encoder, each, templates) for each in classes])


def prompt_vector(encoder: Encoder, each: ClassSpec, templates: Sequence[str]) -> Vectors:
    """Mean of the class's unit prompt vectors over phrases and templates, made unit again."""
    prompts = [template.format(phrase) for template in templates for phrase in each.phrases]
    mean = encoder.embed_texts(prompts).mean(0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def summarise_scores(suite: str, protocol: Protocol, scores: Doubles, test: Labelled) -> Classified:
    """Figures of one protocol. Raises `NothingToEvaluate` where all test pictures are of one class."""
    groups = Groups.of(test.groups)
    hits = (scores.argmax(1) == test.labels).astype(np.float64)
    counts = np.bincount(test.labels, minlength=len(test.classes))
    there = np.flatnonzero(counts)
    each = [auroc(scores[:, label], test.labels == label) for label in there]
    whole = macro(each)
    classes = {
        test.classes[label].name: ClassFigures(
            auroc=one.value, auroc_ci=one.interval(groups=groups), positives=int(counts[label])
        )
        for label, one in zip(there, each, strict=True)
    }
    figures = Classification(
        suite=suite, protocol=protocol, items=len(hits), groups=groups.count,
        accuracy=float(hits.mean()), accuracy_ci=interval(hits[:, None], groups)[0], chance=1 / len(test.classes),
        macro_auroc=whole.value, macro_auroc_ci=whole.interval(groups=groups), classes=classes,
        without_items=tuple(spec.name for spec, count in zip(test.classes, counts, strict=True) if not count),
    )  # fmt: skip
    return Classified(figures, scores, hits, whole, groups)


def embed(encoder: Encoder, pictures: Sequence[Open], by: Callable[[list[Image]], Vectors] | None = None) -> Vectors:
    """float32 [N, dim] by ``by``, the encoder's unit vectors where it is None; a few hundred are open at a time."""
    by = by or encoder.embed_images
    parts = [
        by([opened() for opened in pictures[start : start + _AT_ONCE]]) for start in range(0, len(pictures), _AT_ONCE)
    ]
    return np.concatenate(parts)
