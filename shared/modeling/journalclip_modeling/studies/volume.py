"""The 3-D ResNet of SeLIP: a whole volume in, one vector out (the shape of arXiv 1711.09577's ResNet-50).

The first convolution and every later stage halve rows and columns; slices are halved by the pool and the stages alone,
since a clinical head series has a tenth as many slices as rows. Batch normalisation is the published network's: a
vector then depends on its batch in training, so such a tower is never trained in micro-batches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from journalclip_modeling.studies.config import SliceTowerConfig


class VolumeResNet(nn.Module):
    """float [n, 1, Z, H, W] to pooled features [n, widths[-1]]."""

    def __init__(self, config: SliceTowerConfig) -> None:
        super().__init__()
        self.checkpointing = False
        first = (
            nn.Conv3d(1, config.stem, 7, stride=(1, 2, 2), padding=3, bias=False)
            if config.pooled_stem
            else nn.Conv3d(1, config.stem, 3, stride=(1, 2, 2), padding=1, bias=False)
        )
        pool = nn.MaxPool3d(3, stride=2, padding=1) if config.pooled_stem else nn.Identity()
        self.stem = nn.Sequential(first, nn.BatchNorm3d(config.stem), nn.ReLU(inplace=True), pool)
        width, stages = config.stem, []
        for number, (out, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            blocks = []
            for place in range(depth):
                blocks.append(_Block(width, out, 2 if number and not place else 1, config.block == "bottleneck"))
                width = out
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, volumes: Tensor) -> Tensor:
        found = self.stem(volumes)
        for stage in self.stages:
            for block in stage:  # type: ignore[union-attr]  # a Sequential
                saving = self.checkpointing and torch.is_grad_enabled()
                found = checkpoint(block, found, use_reentrant=False) if saving else block(found)
        return torch.flatten(nn.functional.adaptive_avg_pool3d(found, 1), 1)


class _Block(nn.Module):
    """A residual block; a bottleneck's inner width is a quarter of ``out``."""

    def __init__(self, width: int, out: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        inner = out // 4 if bottleneck else out
        sizes = [(width, inner, 1, 1), (inner, inner, 3, stride), (inner, out, 1, 1)]
        if not bottleneck:
            sizes = [(width, inner, 3, stride), (inner, out, 3, 1)]
        layers: list[nn.Module] = []
        for number, (a, b, side, step) in enumerate(sizes):
            layers += [nn.Conv3d(a, b, side, step, side // 2, bias=False), nn.BatchNorm3d(b)]
            if number + 1 < len(sizes):
                layers.append(nn.ReLU(inplace=True))
        self.layers = nn.Sequential(*layers)
        self.shortcut: nn.Module = nn.Identity()
        if width != out or stride != 1:
            self.shortcut = nn.Sequential(nn.Conv3d(width, out, 1, stride, bias=False), nn.BatchNorm3d(out))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.layers(x) + self.shortcut(x))
