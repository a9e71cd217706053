"""A split of a dataset of studies as vectors: a query is a whole study or a whole report, and groups are patients.

Reports of one wording are each other's right answers in the multi-positive figures.
"""

from __future__ import annotations

import numpy as np

from journalclip_evaluation.embedded import EmbeddedPairs, wording
from journalclip_evaluation.errors import NothingToEvaluate
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.records.dataset import Split


def embed_studies(encoder: StudyEncoder, dataset: FrozenStudies, split: Split) -> EmbeddedPairs:
    """Raises `NothingToEvaluate` for an empty split."""
    known = set(encoder.model.config.sequences)
    studies = [s for s in dataset.studies(split) if any(pair.sequence in known for pair in s.pairs)]
    if not studies:
        raise NothingToEvaluate(f"split {split} of {dataset.manifest.dataset_id} has no study")
    volumes = dict(dataset.volumes(split))
    vectors = encoder.embed_studies([volumes[study.study_id] for study in studies])
    texts = [[pair.text for pair in study.pairs if pair.sequence in known] for study in studies]
    return EmbeddedPairs(
        images=np.stack([each.study for each in vectors]),
        texts=encoder.embed_reports(texts),
        pair_ids=[study.study_id for study in studies],
        articles=[study.patient for study in studies],
        image_keys=[study.study_id for study in studies],
        text_keys=[wording(" ".join(text)) for text in texts],
        modalities=["MRI"] * len(studies),
    )
