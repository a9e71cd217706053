"""The report and the card of a candidate that was measured: written before the decision, part of its entry.

Both are made from stored evidence alone (evaluations, the dataset, the gates' words), so writing them again after a
kill gives the same bytes under the same names. They reach the tracker afterwards (`attach`), since a decision, and a
rollback above all, must never wait for the tracker's file store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from journalclip_evaluation.card import model_card
from journalclip_evaluation.embedding_map import Sketch
from journalclip_evaluation.models import Measured
from journalclip_evaluation.reader_queries import ReaderQueries
from journalclip_evaluation.report.build import THIS as REPORTED
from journalclip_evaluation.report.build import Reported, build_report
from journalclip_evaluation.report.shown import Check, Forgetting
from journalclip_evaluation.retrieval import SIDES
from journalclip_modeling.data import FrozenDataset
from journalclip_promotion.decision import Verdict
from journalclip_promotion.evaluator import Comparison
from journalclip_promotion.gates import THIS
from journalclip_promotion.verify import Inspected
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.runs import Curve, NullRuns, Runs

_CURVES = ("loss", "temperature", "gradient_norm")


@dataclass(frozen=True)
class Documents:
    """Where they lie."""

    report: ArtifactRef
    card: ArtifactRef


@dataclass(frozen=True)
class Judgement:
    """What is written about."""

    inspected: Inspected
    comparison: Comparison
    verdicts: Sequence[Verdict]
    word: str
    suite: str


class Writer(Protocol):
    """Tests put a quick one in the real one's place."""

    def write(self, about: Judgement) -> Documents: ...


@dataclass(frozen=True)
class DocumentWriter:
    """The real one; ``runs`` is where the training curves are read."""

    store: ArtifactStore
    runs: Runs = NullRuns()  # noqa: RUF009 - it has no state

    def write(self, about: Judgement) -> Documents:
        """Raises `TransientError` where the tracker is away: the curves belong into the report."""
        model, found = about.inspected.model, about.comparison
        checks = [Check(each.gate, each.passed, each.reason) for each in about.verdicts]
        forgetting = _forgetting(about)
        reasons = "; ".join(f"{each.gate}: {each.reason}" for each in checks if not each.passed)
        report = build_report(
            Reported(
                title=f"Version {about.inspected.candidate.version}: {model.model_id}",
                ranked=found.this.ranked,
                sketch=self._sketch(found.this),
                dataset=FrozenDataset(self.store, about.inspected.dataset),
                split="test",
                model=model,
                others={name: each.ranked for name, each in found.others.items()},
                queries=_queries(found),
                forgetting=forgetting,
                curves=self._curves(model.run_id),
                verdict=f"{about.word}: {reasons or 'every gate passed'}",
                checks=checks,
            )
        )
        card = model_card(model, found.this.evaluation, about.inspected.dataset, checks, forgetting)
        return Documents(
            report=self.store.put("models", report.encode(), "text/html"),
            card=self.store.put("models", card.encode(), "text/markdown"),
        )

    def _sketch(self, measured: Measured) -> Sketch:
        return Sketch.model_validate_json(self.store.get(measured.evaluation.sketch))

    def _curves(self, run_id: str) -> Mapping[str, Curve]:
        return self.runs.curves(run_id, _CURVES)


def _queries(found: Comparison) -> dict[str, ReaderQueries]:
    every = {**found.others, REPORTED: found.this}
    asked = {name: each.evaluation.queries for name, each in every.items()}
    return {name: each for name, each in asked.items() if each is not None}


def _forgetting(about: Judgement) -> Forgetting | None:
    """Where general accuracy was measured, or training swept its weights; None where nothing is known of it."""
    found, model = about.comparison, about.inspected.model
    domain = {name: _recall(each) for name, each in {**found.others, THIS: found.this}.items()}
    points = {name: (accuracy, domain[name]) for name, accuracy in found.general.items()}
    sweep = [(f"{each.alpha:g}", (each.general, each.domain)) for each in model.sweep]
    return Forgetting(about.suite, points, sweep) if points or sweep else None


def _recall(measured: Measured) -> float:
    return float(np.mean([measured.ranked.strict[side].hits(10).mean() for side in SIDES]))
