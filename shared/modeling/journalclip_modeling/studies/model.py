"""The study model: one slice tower for all, attention over positions, slices and sequences; one text tower.

A sequence's vector and its description's are one pair; a study's vector pools whatever sequences are there, and its
text is the mean of its descriptions' vectors. Absent sequences cost nothing: only present ones pass the tower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.pooling import AttentionPool
from journalclip_modeling.studies.towers import as_floats, slice_tower


@dataclass(frozen=True)
class StudyFeatures:
    """P present sequences of N studies. Vectors are unit length; weights say what was looked at."""

    sequences: Tensor  # [P, dim]
    studies: Tensor  # [N, dim]
    hidden: Tensor  # [N, hidden]: what classification heads stand on
    slice_weights: Tensor  # [P, slices]
    sequence_weights: Tensor  # [N, S]


class StudyModel(nn.Module):
    """Both towers with what pools them."""

    def __init__(self, config: StudyModelConfig) -> None:
        super().__init__()
        self.config = config
        slices, rows, columns = config.grid
        self.tower = slice_tower(config.tower, (rows, columns))
        stride = self.tower.strides[-1]
        self.places = (-(-rows // stride), -(-columns // stride))
        width, heads = config.hidden, config.pool_heads
        self.token = nn.Linear(self.tower.channels[-1], width)
        self.place = nn.Parameter(torch.randn(self.places[0] * self.places[1], width) * 0.5)
        self.height = nn.Parameter(torch.randn(slices, width) * 0.1)
        self.sequence = nn.Parameter(torch.randn(len(config.sequences), width) * 0.1)
        self.mix = nn.Sequential(  # what is seen meets where: maxima are taken a channel at a time, so it must be here
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.pool_places, self.pool_slices, self.pool_sequences = (AttentionPool(width, heads) for _ in range(3))
        self.project_sequence = nn.Linear(width, config.dim, bias=False)
        self.project_study = nn.Linear(width, config.dim, bias=False)
        self.text = CLIPTextModelWithProjection(_text_config(config))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, voxels: Tensor, present: Tensor) -> StudyFeatures:
        """uint8 [N, S, Z, H, W] and bool [N, S], at least one sequence a study."""
        where = present.nonzero()
        hidden, slice_weights = self._sequences(voxels[where[:, 0], where[:, 1]], where[:, 1])
        laid = hidden.new_zeros(*present.shape, hidden.shape[1]).index_put((where[:, 0], where[:, 1]), hidden)
        pooled, sequence_weights = self.pool_sequences(laid, present)
        return StudyFeatures(
            sequences=normalize(self.project_sequence(hidden), dim=-1),
            studies=normalize(self.project_study(pooled), dim=-1),
            hidden=pooled,
            slice_weights=slice_weights,
            sequence_weights=sequence_weights,
        )

    def texts(self, ids: Tensor) -> Tensor:
        """Unit vectors [n, dim] of tokens [n, L]; attention is causal, so nothing that is read sees the padding."""
        found = self.text(input_ids=ids)
        return normalize(found.text_embeds.float(), dim=-1)

    def _sequences(self, volumes: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden [P, width] of volumes uint8 [P, Z, H, W] of sequences ``kind``."""
        p, z = volumes.shape[:2]
        maps = self.tower(as_floats(volumes).flatten(0, 1)[:, None])[-1]
        tokens = self.mix(self.token(maps.flatten(2).transpose(1, 2)) + self.place)
        in_slice, _ = self.pool_places(tokens)
        stack = in_slice.view(p, z, -1) + self.height[:z]
        pooled, weights = self.pool_slices(stack)
        return pooled + self.sequence[kind], weights


def study_text(vectors: Tensor, owner: Tensor, studies: int) -> Tensor:
    """Unit mean [studies, dim] of description vectors [P, dim] that belong to study ``owner`` int64 [P]."""
    total = vectors.new_zeros(studies, vectors.shape[1]).index_add(0, owner, vectors)
    return normalize(total, dim=-1)


def _text_config(config: StudyModelConfig) -> CLIPTextConfig:
    text = config.text
    return CLIPTextConfig(
        vocab_size=text.vocabulary,
        hidden_size=text.width,
        intermediate_size=4 * text.width,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        max_position_embeddings=text.context,
        projection_dim=config.dim,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
