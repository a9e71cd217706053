"""Measuring a verified candidate beside its own start and the champion.

All are measured on the candidate's own test split. A champion that was trained on other splits may have seen some of
those articles; that only makes the comparison harder for the candidate.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
from PIL import Image

from journalclip_evaluation.bootstrap import TOO_FEW, Difference, Groups, difference
from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.findings import compare_findings
from journalclip_evaluation.models import Evaluator, Measured, Subject, files_of
from journalclip_evaluation.reader_queries import compare_queries
from journalclip_evaluation.retrieval import both_ways, by_pair, compare
from journalclip_evaluation.run_suite import zero_shot
from journalclip_evaluation.suites import load_suite
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_promotion.gates import (
    CHAMPION,
    START,
    THIS,
    FindingsFound,
    Gates,
    GeneralLoss,
    Measurements,
    QueriesFound,
)
from journalclip_promotion.verify import Inspected
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.model import ModelManifest

_REPEATS = 5  # the median of five leaves out the first, cold call
_PROBE = "axial CT of the head without contrast"
Who = tuple[ModelManifest, Subject]


class ModelMeasurer(Protocol):
    """What is measured of a model; tests put a quick one in the real one's place."""

    def retrieval(self, model: ModelManifest, dataset: ArtifactRef, subject: Subject) -> Measured: ...

    def latency_ms(self, model: ModelManifest) -> float: ...

    def general(self, suite: str, model: ModelManifest, subject: Subject) -> list[bool]:
        """Right or wrong on each item of a general-domain suite. Raises `SuiteUnusable`."""
        ...


@dataclass(frozen=True)
class Comparison:
    """What the gates read, and the evaluations behind it: ``others`` by name, the baseline among them."""

    found: Measurements
    this: Measured
    others: Mapping[str, Measured]
    general: Mapping[str, float]

    @property
    def baseline(self) -> Measured:
        return self.others[self.found.baseline]


def compare_models(
    bench: ModelMeasurer, gates: Gates, candidate: Inspected, champion: ModelManifest | None
) -> Comparison:
    """Raises what `Evaluator.measure` raises."""
    model, rule = candidate.model, gates.improvement
    rivals: dict[str, Who] = {}
    if model.start_files or champion is None:
        rivals[START] = (model, "start")
    if champion is not None:
        rivals[CHAMPION] = (champion, "model")
    this = bench.retrieval(model, model.dataset, "model")
    others = {name: bench.retrieval(other, model.dataset, subject) for name, (other, subject) in rivals.items()}
    baseline = START if champion is None else CHAMPION
    general = _general(bench, gates.general, {**rivals, THIS: (model, "model")})
    one, other = others[baseline].ranked, this.ranked
    before, after = (both_ways(each, rule.metric, rule.multi_positive) for each in (one, other))
    sources, least = len(set(other.articles)), TOO_FEW
    if rule.takes_pairs(sources):
        one, other, least = by_pair(one), by_pair(other), 2  # the profile takes what there is
    improvement = compare(one, other, rule.metric, rule.multi_positive, least)
    found = Measurements(
        improvement=improvement,
        before=before,
        after=after,
        sources=sources,
        baseline=baseline,
        general=general.drops(),
        general_problem=general.problem,
        latency_ms=bench.latency_ms(model),
        queries=_queries(others[baseline], this),
        findings=_findings(others[baseline], this),
    )
    return Comparison(found, this, others, {name: float(np.mean(hits)) for name, hits in general.hits.items()})


def _queries(before: Measured, after: Measured) -> QueriesFound | None:
    one, other = before.evaluation.queries, after.evaluation.queries
    delta = compare_queries(one, other) if one is not None and other is not None else None
    if one is None or other is None or delta is None:
        return None
    return QueriesFound(other.all.queries, one.all.precision, other.all.precision, delta)


def _findings(before: Measured, after: Measured) -> FindingsFound | None:
    one, other = before.evaluation.findings, after.evaluation.findings
    delta = compare_findings(one, other) if one is not None and other is not None else None
    if one is None or other is None or delta is None:
        return None
    return FindingsFound({each.finding: each.auroc for each in other.findings}, one.macro, other.macro, delta)


@dataclass(frozen=True)
class _General:
    hits: Mapping[str, list[bool]]
    problem: str = ""

    def drops(self) -> dict[str, Difference]:
        """This model minus each other, paired over the suite's items."""
        after = np.asarray(self.hits.get(THIS, ()), np.float64)
        groups = Groups.of([str(item) for item in range(len(after))])
        others = {name: np.asarray(hits, np.float64) for name, hits in self.hits.items() if name != THIS}
        return {name: difference(before, after, groups) for name, before in others.items()}


def _general(bench: ModelMeasurer, rule: GeneralLoss | None, who: Mapping[str, Who]) -> _General:
    if rule is None:
        return _General({})
    try:
        return _General({name: bench.general(rule.suite, model, subject) for name, (model, subject) in who.items()})
    except SuiteUnusable as error:  # a question of the installation, not of the candidate: the gate says which it is
        return _General({}, error.reason)


@dataclass(frozen=True)
class ModelBench:
    """The real one: fetches by digest, loads, encodes."""

    store: ArtifactStore
    cache: Path
    device: str = "cpu"
    suites: Path = Path("suites")  # where the suites' data lies

    def retrieval(self, model: ModelManifest, dataset: ArtifactRef, subject: Subject) -> Measured:
        frozen = FrozenDataset.open(self.store, dataset)
        return Evaluator(self.store, self.cache, self.device).measure(model, frozen, "test", subject)

    def latency_ms(self, model: ModelManifest) -> float:
        encoder = self._encoder(model, "model")
        picture = Image.new("RGB", (640, 480))
        times = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            encoder.embed_texts([_PROBE])
            encoder.embed_images([picture])
            times.append(1000 * (time.perf_counter() - started))
        return median(times)

    def general(self, suite: str, model: ModelManifest, subject: Subject) -> list[bool]:
        definition = load_suite(suite)
        found = zero_shot(self._encoder(model, subject), definition, self.suites)
        return [bool(hit) for hit in found.hits]

    def _encoder(self, model: ModelManifest, subject: Subject) -> Encoder:
        return Encoder.load(fetch_folder(self.store, files_of(model, subject), self.cache), self.device)
