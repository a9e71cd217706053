"""Studies and texts through a trained model, in batches, without gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from journalclip_modeling.studies.folder import StudyFolder
from journalclip_modeling.studies.model import StudyFeatures, StudyModel, study_text
from journalclip_training.reference import VALIDATION_K, mean_recall
from journalclip_training.samples import Tokens
from journalclip_training.studies.samples import StudySamples

MOST_STUDIES = 64
MOST_VOXELS = 1 << 25  # of a batch: six studies of five sequences on the published grid


@dataclass(frozen=True)
class Encoded:
    """Unit vectors; ``hidden`` is what heads stand on."""

    studies: Tensor  # [N, dim]
    reports: Tensor  # [N, dim]: mean of its descriptions
    hidden: Tensor  # [N, width]
    texts: Tensor  # [P, dim]


def encode_studies(
    model: StudyModel,
    tokenizer: PreTrainedTokenizerBase,
    samples: StudySamples,
    present: Tensor | None = None,
) -> Encoded:
    """On the CPU, computed where ``model`` is. ``present`` shows fewer sequences than there are; all texts stay."""
    model.eval()
    with torch.inference_mode():
        parts = list(_features(model, samples, samples.present if present is None else present))
        texts = _texts(model, tokenizer, samples)
        return Encoded(
            torch.cat([each.studies.cpu() for each in parts]),
            study_text(texts, samples.owner, len(samples)),
            torch.cat([each.hidden.cpu() for each in parts]),
            texts,
        )


def encode_pairs(model: StudyModel, tokenizer: PreTrainedTokenizerBase, samples: StudySamples) -> tuple[Tensor, Tensor]:
    """Unit vectors [P, dim] of each pair's sequence, and of its text, on the CPU."""
    model.eval()
    with torch.inference_mode():
        parts = [each.sequences.cpu() for each in _features(model, samples, samples.present)]
        row = samples.present.flatten().cumsum(0).view(samples.present.shape) - 1
        return torch.cat(parts)[row[samples.owner, samples.sequence]], _texts(model, tokenizer, samples)


def study_recall(folder: StudyFolder, samples: StudySamples) -> float:
    """Recall at `VALIDATION_K` of whole studies and whole reports, mean of both directions."""
    found = encode_studies(folder.model, folder.tokenizer, samples)
    return mean_recall(found.studies.float().numpy(), found.reports.float().numpy(), VALIDATION_K)


def _features(model: StudyModel, samples: StudySamples, present: Tensor) -> Iterator[StudyFeatures]:
    """Batch by batch; what a batch holds depends on the grid, so that a GPU that trains has room for it."""
    device = next(model.parameters()).device
    batch = max(1, min(MOST_STUDIES, MOST_VOXELS // math.prod(samples.voxels.shape[1:])))
    for start in range(0, len(samples), batch):
        rows = slice(start, start + batch)
        yield model(samples.voxels[rows].to(device), present[rows].numpy())


def _texts(model: StudyModel, tokenizer: PreTrainedTokenizerBase, samples: StudySamples) -> Tensor:
    """[P, dim]; each distinct text is embedded once."""
    unique = list(dict.fromkeys(samples.texts))
    tokens = Tokens(tokenizer, unique, model.config.text.context)
    device = next(model.parameters()).device
    parts = (np.arange(a, min(a + 256, len(unique))) for a in range(0, len(unique), 256))
    rows = [model.texts(tokens.batch(part).to(device)).cpu() for part in parts]
    place = {text: n for n, text in enumerate(unique)}
    return torch.cat(rows)[[place[text] for text in samples.texts]]
