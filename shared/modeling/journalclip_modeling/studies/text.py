"""Text towers of study models: token numbers in, vectors of the shared space out.

Padding is told from the numbers themselves, so both kinds are called alike: a CLIP transformer is causal and never
sees it, an encoder is given a mask.
"""

from __future__ import annotations

import json

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BertConfig, CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedModel

from journalclip_modeling.studies.config import StudyModelConfig


class EncoderTower(nn.Module):
    """Any bidirectional encoder; the vector of the first token (CLS), projected, as SeLIP has it."""

    def __init__(self, encoder: PreTrainedModel, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.pad = int(encoder.config.pad_token_id or 0)
        self.project = nn.Linear(encoder.config.hidden_size, dim)

    def forward(self, ids: Tensor) -> Tensor:
        mask = ids != self.pad
        projected: Tensor = self.project(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0])
        return projected


class CausalTower(CLIPTextModelWithProjection):  # type: ignore[misc]
    """CLIP's text transformer; read at the end token."""

    def forward(self, ids: Tensor) -> Tensor:  # type: ignore[override]
        embedded: Tensor = super().forward(input_ids=ids).text_embeds
        return embedded


def text_tower(config: StudyModelConfig) -> nn.Module:
    """ids int64 [n, L] to vectors [n, dim], not normalised; random weights."""
    text = config.text
    sizes = {
        "vocab_size": text.vocabulary, "hidden_size": text.width, "intermediate_size": 4 * text.width,
        "num_hidden_layers": text.layers, "num_attention_heads": text.heads,
        "max_position_embeddings": text.context, "pad_token_id": 0,
    }  # fmt: skip
    if text.kind == "clip":
        return CausalTower(CLIPTextConfig(**sizes, projection_dim=config.dim, bos_token_id=1, eos_token_id=2))
    stored = json.loads(text.encoder) if text.encoder else None
    encoder = AutoConfig.for_model(**stored) if stored else BertConfig(**sizes)
    return EncoderTower(encoder_of(encoder), config.dim)


def encoder_of(config: object) -> PreTrainedModel:
    """An encoder without the pooler that some have beside it: it is read nowhere, and would be random."""
    model = AutoModel.from_config(config, dtype=torch.float32)
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model
