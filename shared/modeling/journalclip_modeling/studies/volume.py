"""The 3-D ResNet of SeLIP: a whole volume in, one vector out (the shape of arXiv 1711.09577's ResNet-50).

The first convolution and every later stage halve rows and columns; slices are halved by the pool and the stages alone,
since a clinical head series has a tenth as many slices as rows. Batch normalisation is the published network's: a
vector then depends on its batch in training, so such a tower is never trained in micro-batches, and ranks that share a
batch share its statistics.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed as dist
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
        self.stem = nn.Sequential(first, _BatchNorm(config.stem), nn.ReLU(inplace=True), pool)
        self.channels = tuple(config.widths)  # of `maps`
        self._ends = np.cumsum(config.depths).tolist()
        width, blocks = config.stem, []
        for number, (out, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            for place in range(depth):
                blocks.append(_Block(width, out, 2 if number and not place else 1, config.block == "bottleneck"))
                width = out
        self.blocks = nn.ModuleList(blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, volumes: Tensor) -> Tensor:
        return torch.flatten(nn.functional.adaptive_avg_pool3d(self.maps(volumes)[-1], 1), 1)

    def maps(self, volumes: Tensor) -> list[Tensor]:
        """[n, channels, z, h, w] after each stage, the deepest last."""
        found, stages = self.stem(volumes), []
        for number, block in enumerate(self.blocks, start=1):
            saving = self.checkpointing and torch.is_grad_enabled()
            found = checkpoint(block, found, use_reentrant=False) if saving else block(found)
            if number in self._ends:
                stages.append(found)
        return stages


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
            layers += [nn.Conv3d(a, b, side, step, side // 2, bias=False), _BatchNorm(b)]
            if number + 1 < len(sizes):
                layers.append(nn.ReLU(inplace=True))
        self.layers = nn.Sequential(*layers)
        self.shortcut: nn.Module = nn.Identity()
        if width != out or stride != 1:
            self.shortcut = nn.Sequential(nn.Conv3d(width, out, 1, stride, bias=False), _BatchNorm(out))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.layers(x) + self.shortcut(x))


class _BatchNorm(nn.BatchNorm3d):
    """Batch normalisation whose batch is that of all ranks together, on any device.

    PyTorch's `SyncBatchNorm` refuses a CPU. Weights and statistics have the names and shapes of `nn.BatchNorm3d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(x)
        axes, shape = (0, 2, 3, 4), (1, -1, 1, 1, 1)
        whole = x.float()
        own = whole.mean(axes)
        squares = (whole - own.view(shape)).square().sum(axes)
        sizes, means, spreads = _gathered(own.new_tensor([x.numel() / x.shape[1]]), own, squares)
        count = sizes.sum()
        mean = (sizes * means).sum(0) / count
        variance = (spreads + sizes * (means - mean).square()).sum(0) / count
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        momentum = 0.1 if self.momentum is None else self.momentum
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * count / (count - 1), momentum)
        scaled = (whole - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        return (scaled * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype)


class _Gathered(torch.autograd.Function):
    """Each rank's vector as a row, [ranks, n]. Every rank's loss depends on it, so gradients are summed over ranks."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        del ctx
        rows = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, x)
        return torch.stack(rows)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        del ctx
        total = gradient.clone()
        dist.all_reduce(total)
        return total[dist.get_rank()]


def _gathered(*vectors: Tensor) -> tuple[Tensor, ...]:
    """Each vector [n] as all ranks' rows [ranks, n], by one exchange each way."""
    every: Tensor = _Gathered.apply(torch.cat(vectors))
    return torch.split(every, [len(each) for each in vectors], 1)
