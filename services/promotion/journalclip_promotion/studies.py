"""What the gates need of a study model: the same improvement, by patient, and what one study and sentence cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.models import Measured, Subject, files_of
from journalclip_evaluation.studies import StudyEvaluator
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.model import ModelManifest

REGISTERED = "journalclip-studies"
_REPEATS = 3
_PROBE = "FLAIR: hyperintense lesion in the left frontal lobe."


@dataclass(frozen=True)
class StudyBench:
    """`journalclip_promotion.evaluator.Bench` for models of kind ``studies``."""

    store: ArtifactStore
    cache: Path

    def retrieval(self, model: ModelManifest, dataset: ArtifactRef, subject: Subject) -> Measured:
        return StudyEvaluator(self.store, self.cache).measure(
            model, FrozenStudies.open(self.store, dataset), "test", subject
        )

    def latency_ms(self, model: ModelManifest) -> float:
        encoder = StudyEncoder.load(fetch_folder(self.store, files_of(model, "model"), self.cache))
        volume = np.zeros(encoder.grid, np.uint8)
        study = dict.fromkeys(encoder.model.config.sequences, volume)
        times = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            encoder.embed_studies([study])
            encoder.embed_texts([_PROBE])
            times.append(1000 * (time.perf_counter() - started))
        return median(times)

    def general(self, suite: str, model: ModelManifest, subject: Subject) -> list[bool]:
        raise SuiteUnusable(suite, "there is no general suite for studies; leave `general` out of their gates")
