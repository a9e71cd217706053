"""A split of a dataset of studies as vectors: whole studies with whole reports, or single volumes with their texts.

Groups are patients. Reports of one wording are each other's right answers in the multi-positive figures. Volumes are
read from their shards a few studies at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from journalclip_evaluation.embedded import EmbeddedPairs, wording
from journalclip_evaluation.errors import NothingToEvaluate
from journalclip_evaluation.unique_texts import TextedVolumes
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder, StudyVectors
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.study import StructuredStudy, StudyPair

_AT_ONCE = 16  # studies


def embed_studies(encoder: StudyEncoder, dataset: FrozenStudies, split: Split) -> EmbeddedPairs:
    """Raises `NothingToEvaluate` for an empty split."""
    found = list(_embedded(encoder, dataset, split))
    studies, texts = [study for study, _ in found], [[p.text for p in _known(encoder, study)] for study, _ in found]
    return EmbeddedPairs(
        images=np.stack([each.study for _, each in found]),
        texts=encoder.embed_reports(texts),
        pair_ids=[study.study_id for study in studies],
        articles=[study.patient for study in studies],
        image_keys=[study.study_id for study in studies],
        text_keys=[wording(" ".join(text)) for text in texts],
        modalities=["MRI"] * len(studies),
    )


def embed_volumes(encoder: StudyEncoder, dataset: FrozenStudies, split: Split, normal_text: str = "") -> TextedVolumes:
    """Each described volume with its text; ``normal_text`` takes the place of every text of a normal study, where the
    model was trained so. Raises `NothingToEvaluate` for an empty split."""
    images, texts, patients = [], [], []
    for study, vectors in _embedded(encoder, dataset, split):
        pairs = _known(encoder, study)
        normal = bool(normal_text) and all(pair.description.normal for pair in pairs)
        for pair in pairs:
            if pair.sequence in vectors.sequences:
                images.append(vectors.sequences[pair.sequence])
                texts.append(normal_text if normal else pair.text)
                patients.append(study.patient)
    unique = list(dict.fromkeys(texts))
    place = {text: n for n, text in enumerate(unique)}
    return TextedVolumes(
        np.stack(images), encoder.embed_texts(unique)[[place[text] for text in texts]], texts, patients
    )


def _known(encoder: StudyEncoder, study: StructuredStudy) -> list[StudyPair]:
    return [pair for pair in study.pairs if pair.sequence in encoder.model.config.sequences]


def _embedded(
    encoder: StudyEncoder, dataset: FrozenStudies, split: Split
) -> Iterator[tuple[StructuredStudy, StudyVectors]]:
    """The split's studies with a pair that the model knows, in their order."""
    studies = {study.study_id: study for study in dataset.studies(split) if _known(encoder, study)}
    if not studies:
        raise NothingToEvaluate(f"split {split} of {dataset.manifest.dataset_id} has no study")
    held = []
    for name, volumes in dataset.volumes(split):
        if name in studies:
            held.append((studies[name], volumes))
        if len(held) == _AT_ONCE:
            yield from zip([s for s, _ in held], encoder.embed_studies([v for _, v in held]), strict=True)
            held = []
    yield from zip([s for s, _ in held], encoder.embed_studies([v for _, v in held]), strict=True)
