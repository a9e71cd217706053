"""Studies and texts through a trained model, in batches, without gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from journalclip_modeling.studies.model import StudyModel, study_text
from journalclip_training.samples import Tokens
from journalclip_training.studies.samples import StudySamples


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
    batch: int = 64,
) -> Encoded:
    """``present`` shows fewer sequences than there are; texts stay whole."""  # fmt: skip
    model.eval()
    here = samples.present if present is None else present
    with torch.inference_mode():
        parts = [model(samples.voxels[a : a + batch], here[a : a + batch]) for a in range(0, len(samples), batch)]
        texts = _texts(model, tokenizer, samples)
        return Encoded(
            torch.cat([each.studies for each in parts]),
            study_text(texts, samples.owner, len(samples)),
            torch.cat([each.hidden for each in parts]),
            texts,
        )


def encode_pairs(
    model: StudyModel, tokenizer: PreTrainedTokenizerBase, samples: StudySamples, batch: int = 64
) -> tuple[Tensor, Tensor]:
    """Unit vectors [P, dim] of each pair's sequence, and of its text."""
    model.eval()
    with torch.inference_mode():
        parts = [
            model(samples.voxels[a : a + batch], samples.present[a : a + batch]).sequences
            for a in range(0, len(samples), batch)
        ]
        row = samples.present.flatten().cumsum(0).view(samples.present.shape) - 1
        return torch.cat(parts)[row[samples.owner, samples.sequence]], _texts(model, tokenizer, samples)


def _texts(model: StudyModel, tokenizer: PreTrainedTokenizerBase, samples: StudySamples) -> Tensor:
    """[P, dim]; each distinct text is embedded once."""
    unique = list(dict.fromkeys(samples.texts))
    tokens = Tokens(tokenizer, unique, model.config.text.context)
    rows = [model.texts(tokens.batch(np.arange(a, min(a + 256, len(unique))))) for a in range(0, len(unique), 256)]
    place = {text: n for n, text in enumerate(unique)}
    return torch.cat(rows)[[place[text] for text in samples.texts]]
