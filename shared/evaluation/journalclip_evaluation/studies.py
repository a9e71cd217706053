"""Study-report retrieval of a registered study model, with the figures and intervals that figure models have.

A query is a whole study or a whole report; resampling is by patient. Reports of one
wording are each other's right answers in the multi-positive figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_evaluation.embedded import EmbeddedPairs, wording
from journalclip_evaluation.embedding_map import sketch
from journalclip_evaluation.errors import NothingToEvaluate
from journalclip_evaluation.models import Evaluation, Measured, Subject, evaluation_name, files_of
from journalclip_evaluation.rank_table import from_parquet, to_parquet
from journalclip_evaluation.retrieval import by_modality, rank, summarise
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.artifacts import ArtifactStore, ManifestConflict
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest


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


@dataclass(frozen=True)
class StudyEvaluator:
    """As `journalclip_evaluation.models.Evaluator`, for models of studies."""

    store: ArtifactStore
    cache: Path

    def measure(
        self, manifest: ModelManifest, dataset: FrozenStudies, split: Split = "test", subject: Subject = "model"
    ) -> Measured:
        """Raises `NothingToEvaluate`, `EmbeddingsUnusable`, `ModelUnloadable`, `ModelTampered`, `ArtifactCorrupt`."""
        files = files_of(manifest, subject)
        name = evaluation_name(manifest.model_id, subject, files, dataset.manifest.dataset_id, split)
        if (found := self.store.find_manifest("models", name)) is not None:
            known = Evaluation.model_validate_json(self.store.get(found))
            return Measured(known, found, from_parquet(self.store.get(known.ranks)))
        pairs = embed_studies(StudyEncoder.load(fetch_folder(self.store, files, self.cache)), dataset, split)
        ranked = rank(pairs)
        evaluation = Evaluation(
            model_id=manifest.model_id,
            subject=subject,
            dataset_id=dataset.manifest.dataset_id,
            split=split,
            strict=summarise(ranked),
            multi=summarise(ranked, multi=True),
            by_modality=by_modality(ranked),
            by_modality_multi=by_modality(ranked, multi=True),
            ranks=self.store.put("models", to_parquet(ranked), "application/vnd.apache.parquet"),
            sketch=self.store.put("models", sketch(pairs, ranked).canonical(), "application/json"),
        )
        try:
            ref = self.store.put_manifest("models", name, evaluation.canonical())
        except ManifestConflict:  # another machine was first, and rounds differently: its word stands
            return self.measure(manifest, dataset, split, subject)
        return Measured(evaluation, ref, ranked)
