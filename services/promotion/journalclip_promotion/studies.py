"""What serving a study model costs: one study and one sentence. Everything else is measured as for articles."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import numpy as np

from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.models import Subject, files_of
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_promotion.evaluator import ModelBench
from journalclip_shared.records.model import ModelManifest

_REPEATS = 3
_PROBE = "FLAIR: hyperintense lesion in the left frontal lobe."


@dataclass(frozen=True)
class StudyBench(ModelBench):
    """`ModelMeasurer` of studies."""

    def latency_ms(self, model: ModelManifest) -> float:
        encoder = StudyEncoder.load(fetch_folder(self.store, files_of(model, "model"), self.cache))
        study = dict.fromkeys(encoder.model.config.sequences, np.zeros(encoder.grid, np.uint8))
        times = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            encoder.embed_studies([study])
            encoder.embed_texts([_PROBE])
            times.append(1000 * (time.perf_counter() - started))
        return median(times)

    def general(self, suite: str, model: ModelManifest, subject: Subject) -> list[bool]:
        raise SuiteUnusable(suite, "there is no general suite for studies; leave `general` out of their gates")
