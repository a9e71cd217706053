"""A split of a frozen dataset of studies as samples on a model's grid."""

from __future__ import annotations

from pathlib import Path

import torch

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import GridMismatch
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.study import StructuredStudy, StudyPair
from journalclip_training.config import RunOptions
from journalclip_training.studies.samples import StudySamples
from journalclip_training.studies.voxels import in_memory_if_small, open_volumes


def known_studies(dataset: FrozenStudies, split: Split, config: StudyModelConfig) -> list[StructuredStudy]:
    """The split's studies with a described sequence that the model knows, sorted by id. Raises `GridMismatch`."""
    studies = sorted((e for e in dataset.studies(split) if known_pairs(e, config)), key=lambda each: each.study_id)
    for study in studies:
        if study.grid != config.grid:
            raise GridMismatch(study.grid, config.grid)
    return studies


def known_pairs(study: StructuredStudy, config: StudyModelConfig) -> list[StudyPair]:
    """In the model's order of sequences."""
    names = config.sequences
    return sorted((pair for pair in study.pairs if pair.sequence in names), key=lambda each: names.index(each.sequence))


def load_samples(
    dataset: FrozenStudies, split: Split, config: StudyModelConfig, folder: Path, options: RunOptions | None = None
) -> StudySamples:
    """All studies of the split; sequences that the model does not know are left out.

    Shards lie below ``folder``, and volumes are read from them by position; where all fit ``options.cache_bytes`` they
    are in memory. Raises `GridMismatch`.
    """
    options, names = options or RunOptions(), config.sequences
    studies = known_studies(dataset, split, config)
    shards = dataset.shards(split)
    wanted = [(study.study_id, names) for study in studies]
    voxels = open_volumes(dataset.store, shards, folder, wanted, config.grid, options.decode_threads)
    pairs = [(n, pair) for n, study in enumerate(studies) for pair in known_pairs(study, config)]
    return StudySamples(
        voxels=in_memory_if_small(voxels, options.cache_bytes),
        present=voxels.present,
        owner=torch.tensor([n for n, _ in pairs], dtype=torch.int64),
        sequence=torch.tensor([names.index(pair.sequence) for _, pair in pairs], dtype=torch.int64),
        texts=tuple(pair.text for _, pair in pairs),
        descriptions=tuple(pair.description for _, pair in pairs),
    )
