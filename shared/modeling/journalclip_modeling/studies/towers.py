"""Slice towers: grey slices in, feature maps out, at falling resolution. Both kinds come from transformers.

The ResNet's batch normalisation is replaced by group normalisation: slices of absent sequences and padding would
otherwise enter the statistics, and what a study's vector is must not depend on its neighbours in the batch.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel, ResNetConfig, ResNetModel

from journalclip_modeling.studies.config import SliceTowerConfig


class SliceTower(Protocol):
    """What a tower must do; ``channels`` and ``strides`` describe the maps, the deepest last."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    def __call__(self, slices: Tensor) -> list[Tensor]:
        """Maps [n, channels, H / stride, W / stride] of float slices [n, 1, H, W]."""
        ...


class ResNetTower(nn.Module):
    """A ResNet without its classifier."""

    def __init__(self, config: SliceTowerConfig) -> None:
        super().__init__()
        self.net = ResNetModel(
            ResNetConfig(
                num_channels=1,
                embedding_size=config.stem,
                hidden_sizes=list(config.widths),
                depths=list(config.depths),
                layer_type=config.block,
            )
        )
        first = 4
        if not config.pooled_stem:
            self.net.embedder.pooler = nn.Identity()
            self.net.embedder.embedder.convolution = nn.Conv2d(1, config.stem, 3, stride=2, padding=1, bias=False)
            first = 2
        _group_normalised(self.net, config.norm_groups)
        self.channels = tuple(config.widths)
        self.strides = tuple(first * 2**stage for stage in range(len(config.widths)))

    def forward(self, slices: Tensor) -> list[Tensor]:
        found = self.net(slices, output_hidden_states=True)
        return list(cast("tuple[Tensor, ...]", found.hidden_states))[1:]


class VitTower(nn.Module):
    """A ViT whose patch tokens are laid out as a map; intermediate layers serve the segmentation decoder."""

    def __init__(self, config: SliceTowerConfig, size: tuple[int, int]) -> None:
        super().__init__()
        self.patch = config.patch
        rows, columns = (side // config.patch for side in size)
        if rows * config.patch != size[0] or columns * config.patch != size[1]:
            raise ValueError(f"slices of {size[0]} x {size[1]} pixels are not whole patches of {config.patch}")
        self.rows, self.columns = rows, columns
        self.net = CLIPVisionModel(
            CLIPVisionConfig(
                num_channels=1,
                image_size=config.patch * max(rows, columns),
                patch_size=config.patch,
                hidden_size=config.width,
                intermediate_size=4 * config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
            )
        )
        self.levels = sorted({max(1, round(config.layers * share)) for share in (0.34, 0.67, 1.0)})
        self.channels = (config.width,) * len(self.levels)
        self.strides = (config.patch,) * len(self.levels)

    def forward(self, slices: Tensor) -> list[Tensor]:
        side = self.patch * max(self.rows, self.columns)
        padded = nn.functional.pad(slices, (0, side - slices.shape[3], 0, side - slices.shape[2]))
        hidden = self.net(padded, output_hidden_states=True).hidden_states
        return [self._map(hidden[level]) for level in self.levels]

    def _map(self, tokens: Tensor) -> Tensor:
        n, _, width = tokens.shape
        side = max(self.rows, self.columns)
        laid = tokens[:, 1:].transpose(1, 2).reshape(n, width, side, side)
        return laid[:, :, : self.rows, : self.columns]


def slice_tower(config: SliceTowerConfig, size: tuple[int, int]) -> ResNetTower | VitTower:
    """For slices of ``size`` rows and columns."""
    return ResNetTower(config) if config.kind == "resnet" else VitTower(config, size)


def _group_normalised(module: nn.Module, groups: int) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            fits = groups if child.num_features % groups == 0 else 1
            setattr(module, name, nn.GroupNorm(fits, child.num_features))
        else:
            _group_normalised(child, groups)


def as_floats(voxels: Tensor) -> Tensor:
    """uint8 voxels to floats of about unit spread; 0 stays the background."""
    return voxels.to(torch.float32) / 64 - 1
