"""Measuring a verified candidate: against the champion, or against its own start where there is none.

Both sides are measured on the candidate's own test split. A champion that was trained on other splits may have seen
some of those articles; that only makes the comparison harder for the candidate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
from PIL import Image

from journalclip_evaluation.bootstrap import Difference, Groups, difference
from journalclip_evaluation.models import Evaluator, Measured, Subject, files_of
from journalclip_evaluation.retrieval import compare
from journalclip_evaluation.run_suite import zero_shot
from journalclip_evaluation.suites import load_suite
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_promotion.gates import Gates, Measurements
from journalclip_promotion.verify import Inspected
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.model import ModelManifest

_REPEATS = 5  # the median of five leaves out the first, cold call
_PROBE = "axial CT of the head without contrast"


class Bench(Protocol):
    """What is measured of a model; tests put a quick one in the real one's place."""

    def retrieval(self, model: ModelManifest, dataset: ArtifactRef, subject: Subject) -> Measured: ...

    def latency_ms(self, model: ModelManifest) -> float: ...

    def general(self, suite: str, model: ModelManifest, subject: Subject) -> list[bool]:
        """Right or wrong on each item of a general-domain suite."""
        ...


@dataclass(frozen=True)
class Comparison:
    """What the gates read, and where the two evaluations are kept."""

    found: Measurements
    evaluation: ArtifactRef
    baseline: ArtifactRef


def compare_models(bench: Bench, gates: Gates, candidate: Inspected, champion: ModelManifest | None) -> Comparison:
    """Raises what `Evaluator.measure` raises."""
    model = champion or candidate.model
    subject: Subject = "model" if champion else "start"
    after = bench.retrieval(candidate.model, candidate.model.dataset, "model")
    before = bench.retrieval(model, candidate.model.dataset, subject)
    rule = gates.improvement
    found = Measurements(
        improvement=compare(before.ranked, after.ranked, rule.metric, rule.multi_positive),
        baseline="start" if champion is None else "champion",
        general=_general(bench, gates, candidate.model, model, subject),
        latency_ms=bench.latency_ms(candidate.model),
    )
    return Comparison(found, after.ref, before.ref)


def _general(
    bench: Bench, gates: Gates, model: ModelManifest, other: ModelManifest, subject: Subject
) -> Difference | None:
    if gates.general is None:
        return None
    after = np.asarray(bench.general(gates.general.suite, model, "model"), np.float64)
    before = np.asarray(bench.general(gates.general.suite, other, subject), np.float64)
    return difference(before, after, Groups.of([str(item) for item in range(len(before))]))


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
