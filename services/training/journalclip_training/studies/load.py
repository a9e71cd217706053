"""A split of a frozen dataset of studies as samples on a model's grid."""

from __future__ import annotations

import torch

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import GridMismatch
from journalclip_shared.records.dataset import Split
from journalclip_training.studies.samples import StudySamples, stack_voxels


def load_samples(dataset: FrozenStudies, split: Split, config: StudyModelConfig) -> StudySamples:
    """All studies of the split; sequences that the model does not know are left out. Raises `GridMismatch`."""
    names, volumes = config.sequences, dict(dataset.volumes(split))
    studies = [study for study in dataset.studies(split) if any(pair.sequence in names for pair in study.pairs)]
    for study in studies:
        if study.grid != config.grid:
            raise GridMismatch(study.grid, config.grid)
    voxels, present = stack_voxels([[volumes[s.study_id].get(name) for name in names] for s in studies], config.grid)
    owner, sequence, texts, descriptions = [], [], [], []
    for n, study in enumerate(studies):
        known = [pair for pair in study.pairs if pair.sequence in names]
        for pair in sorted(known, key=lambda each: names.index(each.sequence)):
            owner.append(n)
            sequence.append(names.index(pair.sequence))
            texts.append(pair.text)
            descriptions.append(pair.description)
    return StudySamples(
        voxels, present, torch.tensor(owner, dtype=torch.int64), torch.tensor(sequence, dtype=torch.int64),
        tuple(texts), tuple(descriptions),
    )  # fmt: skip
