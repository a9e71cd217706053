"""Slice towers: grey slices in, feature maps out, at falling resolution. All kinds come from transformers or timm.

The ResNet's batch normalisation is replaced by group normalisation: slices of absent sequences and padding would
otherwise enter the statistics, and what a study's vector is must not depend on its neighbours in the batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from transformers import AutoBackbone, AutoConfig, CLIPVisionConfig, CLIPVisionModel, ResNetConfig, ResNetModel

from journalclip_modeling.studies.config import SliceTowerConfig

_PROBE = 256  # pixels a side of the pictures by which a backbone's stride is found


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


class BackboneTower(nn.Module):
    """Any backbone of transformers or timm (ResNet, ConvNeXt, DINOv2 ...), which saw coloured pictures: grey in all
    channels, normalised as it was trained. Its batch statistics, where it has such, stay those that it was trained
    with.

    ``config.backbone`` is JSON: ``mean`` and ``std`` of its channels, and of transformers ``config``, the backbone's
    own with its ``model_type``, or of timm ``timm``, the architecture, and ``arguments``. Slices are padded with
    background to whole strides.
    """

    LEVELS = 3  # maps that the segmentation decoder climbs through
    mean: Tensor
    std: Tensor

    def __init__(self, config: SliceTowerConfig, size: tuple[int, int]) -> None:
        super().__init__()
        stored = json.loads(config.backbone)
        self.net = feature_network(stored, self.LEVELS)
        with torch.device("meta"):  # shapes alone: what a backbone makes of a size is its own affair
            probe = feature_network(stored, self.LEVELS).eval()
            side = [_maps(probe(torch.zeros(1, 3, each, each)))[-1].shape[-1] for each in (_PROBE, 2 * _PROBE)]
            self.stride = round(_PROBE / (side[1] - side[0]))
            padded = tuple(-(-each // self.stride) * self.stride for each in size)
            maps = _maps(probe(torch.zeros(1, 3, *padded)))
        self.channels = tuple(each.shape[1] for each in maps)
        self.strides = tuple(round(padded[0] / each.shape[-2]) for each in maps)
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(stored[name]).view(1, 3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> BackboneTower:
        super().train(mode)
        for module in self.net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, slices: Tensor) -> list[Tensor]:
        rows, columns = ((-each) % self.stride for each in slices.shape[2:])
        padded = nn.functional.pad(slices, (0, columns, 0, rows), value=-1.0)  # the background of `as_floats`
        pictures = ((padded + 1) * (64 / 255)).expand(-1, 3, -1, -1)
        return _maps(self.net((pictures - self.mean) / self.std))


def feature_network(stored: Mapping[str, Any], levels: int) -> nn.Module:
    """With random weights, giving out its deepest maps. Raises `RuntimeError` for what timm does not know."""
    if "timm" in stored:
        import timm

        made: nn.Module = timm.create_model(
            stored["timm"], pretrained=False, features_only=True, out_indices=tuple(range(-levels, 0)),
            **stored["arguments"],
        )  # fmt: skip
        return made
    described = AutoConfig.for_model(**stored["config"])
    described.out_features = described.stage_names[-levels:]
    return cast("nn.Module", AutoBackbone.from_config(described))


def _maps(found: Any) -> list[Tensor]:  # what transformers gives is a record of its own
    return list(found if isinstance(found, list | tuple) else found.feature_maps)


def slice_tower(config: SliceTowerConfig, size: tuple[int, int]) -> ResNetTower | VitTower | BackboneTower:
    """For slices of ``size`` rows and columns."""
    if config.kind == "backbone":
        return BackboneTower(config, size)
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
