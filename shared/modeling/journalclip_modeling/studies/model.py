"""The study model: one slice tower for all, attention over positions, slices and sequences; one text tower.

A sequence's vector and its description's are one pair; a study's vector pools whatever sequences are there, and its
text is the mean of its descriptions' vectors. Absent sequences cost nothing: only present ones pass the tower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.pooling import AttentionPool
from journalclip_modeling.studies.text import text_tower
from journalclip_modeling.studies.towers import as_floats, slice_tower
from journalclip_modeling.studies.volume import VolumeResNet

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class StudyFeatures:
    """P present sequences of N studies. Vectors are unit length; weights say what was looked at."""

    sequences: Tensor  # [P, dim]
    studies: Tensor  # [N, dim]
    hidden: Tensor  # [N, hidden]: what classification heads stand on
    slice_weights: Tensor  # [P, slices]
    sequence_weights: Tensor  # [N, S]


class StudyModel(nn.Module):
    """Slice towers: attention over positions, slices and sequences. `VolumeStudyModel` has the same methods."""

    def __init__(self, config: StudyModelConfig) -> None:
        super().__init__()
        self.config = config
        self.chunk = 0  # slices that are recomputed together in the backward pass; 0: all activations are kept
        self._build_images(config)
        self.text = text_tower(config)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def _build_images(self, config: StudyModelConfig) -> None:
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

    def forward(self, voxels: Tensor, present: Tensor | Bools) -> StudyFeatures:
        """uint8 [N, S, Z, H, W] and bool [N, S], at least one sequence a study.

        ``present`` lies on the host best, as an array: a GPU need not wait then.
        """
        study, kind = _places(present, voxels.device)
        hidden, slice_weights = self.encode_volumes(voxels[study, kind], kind)
        laid = hidden.new_zeros(*present.shape, hidden.shape[1]).index_put((study, kind), hidden)
        pooled, sequence_weights = self.pool_sequences(laid, torch.as_tensor(present, device=voxels.device))
        return StudyFeatures(
            sequences=normalize(self.project_sequence(hidden).float(), dim=-1),
            studies=normalize(self.project_study(pooled).float(), dim=-1),
            hidden=pooled,
            slice_weights=slice_weights,
            sequence_weights=sequence_weights,
        )

    def texts(self, ids: Tensor) -> Tensor:
        """Unit vectors [n, dim] of tokens [n, L], padded at their end."""
        return normalize(self.text(ids).float(), dim=-1)

    def compile_towers(self) -> None:
        """`torch.compile` of both towers, in place: weights keep their names."""
        self._image_tower().compile()
        self.text.compile()

    def _image_tower(self) -> nn.Module:
        tower: nn.Module = self.tower
        return tower

    def save_memory(self, slices: int) -> None:
        """Keep no activations of the image tower; recompute them, ``slices`` at a time, in the backward pass."""
        self.chunk = slices

    def encode_volumes(self, volumes: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden [P, width] of volumes uint8 [P, Z, H, W] of sequences ``kind`` int64 [P], and slice weights [P, Z]."""
        p, z = volumes.shape[:2]
        flat = volumes.flatten(0, 1)
        if self.chunk and torch.is_grad_enabled():
            parts = [checkpoint(self._slices, part, use_reentrant=False) for part in torch.split(flat, self.chunk)]
            in_slice = torch.cat(parts)
        else:
            in_slice = self._slices(flat)
        stack = in_slice.view(p, z, -1) + self.height[:z]
        pooled, weights = self.pool_slices(stack)
        return pooled + self.sequence[kind], weights

    def _slices(self, slices: Tensor) -> Tensor:
        """Hidden [n, width] of slices uint8 [n, H, W]; none depends on another."""
        maps = self.tower(as_floats(slices)[:, None])[-1]
        tokens = self.mix(self.token(maps.flatten(2).transpose(1, 2)) + self.place)
        in_slice: Tensor = self.pool_places(tokens)[0]
        return in_slice


class VolumeStudyModel(StudyModel):
    """SeLIP's shape: a 3-D tower over each volume, and nothing else that is learnt on the image side.

    The published model has no study level: a study's vector is the mean of its volumes', each weighed alike.
    """

    def _build_images(self, config: StudyModelConfig) -> None:
        if config.hidden != config.tower.widths[-1]:
            raise ValueError(
                f"hidden is {config.hidden}; a volume tower's is its last width, {config.tower.widths[-1]}"
            )
        self.volume = VolumeResNet(config.tower)
        self.project = nn.Linear(config.hidden, config.dim)

    def forward(self, voxels: Tensor, present: Tensor | Bools) -> StudyFeatures:
        """As `StudyModel.forward`; the sequences' names play no part, so S may be any number."""
        study, kind = _places(present, voxels.device)
        hidden, slice_weights = self.encode_volumes(voxels[study, kind], kind)
        present = torch.as_tensor(present, device=voxels.device)
        vectors = normalize(self.project(hidden).float(), dim=-1)
        counts = present.sum(1, keepdim=True)
        pooled = hidden.new_zeros(len(present), hidden.shape[1]).index_add(0, study, hidden) / counts
        return StudyFeatures(
            sequences=vectors,
            studies=study_text(vectors, study, len(present)),
            hidden=pooled,
            slice_weights=slice_weights,
            sequence_weights=present.to(vectors.dtype) / counts,
        )

    def encode_volumes(self, volumes: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
        """As `StudyModel.encode_volumes`; every slice weighs alike."""
        count, slices = volumes.shape[:2]
        weights = torch.full((count, slices), 1 / slices, device=volumes.device)
        return self.volume(as_floats(volumes)[:, None]), weights

    def _image_tower(self) -> nn.Module:
        return self.volume

    def save_memory(self, slices: int) -> None:
        """Blocks are recomputed whole, whatever ``slices`` is."""
        self.volume.checkpointing = bool(slices)


def study_model(config: StudyModelConfig) -> StudyModel:
    """The network of a configuration, with random weights."""
    return VolumeStudyModel(config) if config.tower.kind == "volume" else StudyModel(config)


def _places(present: Tensor | Bools, device: torch.device) -> tuple[Tensor, Tensor]:
    """Study and sequence int64 [P] of every true cell, on ``device``."""
    study, kind = np.nonzero(present.cpu().numpy() if isinstance(present, Tensor) else present)
    return torch.from_numpy(study).to(device), torch.from_numpy(kind).to(device)


def study_text(vectors: Tensor, owner: Tensor, studies: int) -> Tensor:
    """Unit mean [studies, dim] of description vectors [P, dim] that belong to study ``owner`` int64 [P]."""
    total = vectors.new_zeros(studies, vectors.shape[1]).index_add(0, owner, vectors)
    return normalize(total, dim=-1)
