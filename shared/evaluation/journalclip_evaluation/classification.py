"""Classification by one model: zero-shot with prompt ensembles, a linear probe, and fine-tuning.

Every protocol ends in one score a class for each test picture, and every figure comes from those scores: accuracy with
an interval by patient, AUROC per class and macro with DeLong's (also by patient), and the hits that paired tests need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from journalclip_evaluation.auroc import Auroc, compare_auroc, macro, one_against_rest
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
    weights = np.stack([prompt_vector(encoder, each, templates) for each in test.classes])
    return np.asarray(images @ weights.T, dtype=np.float64)


def prompt_vector(encoder: Encoder, each: ClassSpec, templates: Sequence[str]) -> Vectors:
    """Mean of the class's unit prompt vectors over phrases and templates, made unit again."""
    prompts = [template.format(phrase) for template in templates for phrase in each.phrases]
    mean = encoder.embed_texts(prompts).mean(0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def summarise_scores(suite: str, protocol: Protocol, scores: Doubles, test: Labelled) -> Classified:
    """Figures of one protocol. Raises `NothingToEvaluate` where a class has no test picture."""
    groups = Groups.of(test.groups)
    hits = (scores.argmax(1) == test.labels).astype(np.float64)
    each = one_against_rest(scores, test.labels)
    whole = macro(each)
    classes = {
        spec.name: ClassFigures(
            auroc=one.value, auroc_ci=one.interval(groups=groups), positives=int((test.labels == label).sum())
        )
        for label, (spec, one) in enumerate(zip(test.classes, each, strict=True))
    }
    figures = Classification(
        suite=suite, protocol=protocol, items=len(hits), groups=groups.count,
        accuracy=float(hits.mean()), accuracy_ci=interval(hits[:, None], groups)[0], chance=1 / len(test.classes),
        macro_auroc=whole.value, macro_auroc_ci=whole.interval(groups=groups), classes=classes,
    )  # fmt: skip
    return Classified(figures, scores, hits, whole, groups)


def embed(encoder: Encoder, pictures: Sequence[Open]) -> Vectors:
    """float32 [N, dim]; a few hundred pictures are open at a time."""
    parts = [
        encoder.embed_images([opened() for opened in pictures[start : start + _AT_ONCE]])
        for start in range(0, len(pictures), _AT_ONCE)
    ]
    return np.concatenate(parts)
