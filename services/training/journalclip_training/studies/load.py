"""A split of a frozen dataset of studies as samples on a model's grid."""

from __future__ import annotations

from pathlib import Path

import torch

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import GridMismatch
from journalclip_shared.records.dataset import Split
from journalclip_training.config import RunOptions
from journalclip_training.studies.samples import StudySamples
from journalclip_training.studies.voxels import in_memory_if_small, open_volumes


def load_samples(
    dataset: FrozenStudies, split: Split, config: StudyModelConfig, folder: Path, options: RunOptions | None = None
) -> StudySamples:
    """All studies of the split; sequences that the model does not know are left out.

    Shards lie below ``folder``, and volumes are read from them by position; where all fit ``options.cache_bytes`` they
    are in memory. Raises `GridMismatch`.
    """
    options, names = options or RunOptions(), config.sequences
    studies = [study for study in dataset.studies(split) if any(pair.sequence in names for pair in study.pairs)]
    for study in studies:
        if study.grid != config.grid:
            raise GridMismatch(study.grid, config.grid)
    shards = dataset.manifest.splits[split].shards
    wanted = [(study.study_id, names) for study in studies]
    voxels = open_volumes(dataset.store, shards, folder, wanted, config.grid, options.decode_threads)
    owner, sequence, texts, descriptions = [], [], [], []
    for n, study in enumerate(studies):
        known = [pair for pair in study.pairs if pair.sequence in names]
        for pair in sorted(known, key=lambda each: names.index(each.sequence)):
            owner.append(n)
            sequence.append(names.index(pair.sequence))
            texts.append(pair.text)
            descriptions.append(pair.description)
    return StudySamples(
        in_memory_if_small(voxels, options.cache_bytes), voxels.present, torch.tensor(owner, dtype=torch.int64),
        torch.tensor(sequence, dtype=torch.int64), tuple(texts), tuple(descriptions),
    )  # fmt: skip
