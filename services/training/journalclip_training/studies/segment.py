"""Segmentation: a decoder over the image tower's feature maps, of slices or volumes, fine-tuned on few or many labels.

Maps of the present sequences are fused by mean and maximum at every level, so that any subset serves, and climb back to
the tower's input's resolution, where the input itself joins in. The same network is trained from pretrained or from
random weights, by the same steps; what differs is the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from journalclip_evaluation.masks import Mask, Spacing, hd95
from journalclip_modeling.studies.model import StudyModel, VolumeStudyModel
from journalclip_modeling.studies.towers import as_floats
from journalclip_modeling.studies.volume import VolumeResNet

CODES = (0, 1, 2, 4)  # BraTS: background, core, oedema, enhancing
REGIONS: dict[str, tuple[int, ...]] = {"whole": (1, 2, 4), "core": (1, 4), "enhancing": (4,)}


@dataclass(frozen=True)
class SegmentConfig:
    """``steps`` is the same for any number of labels, so that fewer labels do not mean less training."""

    steps: int = 200
    batch: int = 8  # studies
    lr: float = 2e-3
    tower_lr: float = 1e-3
    width: int = 24
    seed: int = 0


class Segmenter(nn.Module):
    """Tower and decoder; convolutions have as many axes as the tower's."""

    def __init__(self, model: StudyModel, width: int) -> None:
        super().__init__()
        self.whole = isinstance(model, VolumeStudyModel)
        conv = nn.Conv3d if self.whole else nn.Conv2d
        self.mode = "trilinear" if self.whole else "bilinear"
        self.tower = model.volume if isinstance(model, VolumeStudyModel) else model.tower
        self.lateral = nn.ModuleList(conv(2 * each, width, 1) for each in self.tower.channels)
        self.smooth = nn.ModuleList(conv(width, width, 3, padding=1) for _ in self.tower.channels)
        self.raw = conv(2, width, 3, padding=1)
        self.head = nn.Sequential(conv(2 * width, width, 3, padding=1), nn.GELU(), conv(width, len(CODES), 1))

    def forward(self, voxels: Tensor, present: Tensor) -> Tensor:
        """Logits [N, codes, Z, H, W] of uint8 [N, S, Z, H, W] and bool [N, S]."""
        n, s, z, rows, columns = voxels.shape
        if self.whole:
            return self._decoded(as_floats(voxels), present)
        slices = as_floats(voxels).transpose(1, 2).reshape(n * z, s, rows, columns)
        here = present[:, None].expand(n, z, s).reshape(n * z, s)
        return self._decoded(slices, here).reshape(n, z, len(CODES), rows, columns).transpose(1, 2)

    def _decoded(self, grey: Tensor, here: Tensor) -> Tensor:
        """Logits [M, codes, ...] of floats [M, S, ...] of which bool [M, S] are there."""
        seen = grey[here][:, None]
        maps = self.tower.maps(seen) if isinstance(self.tower, VolumeResNet) else self.tower(seen)
        x = torch.zeros(0)
        for level in reversed(range(len(maps))):
            fused = self.lateral[level](_fuse(maps[level], here))
            x = fused if not len(x) else fused + self._enlarged(x, fused.shape[2:])
            x = functional.gelu(self.smooth[level](x))
        raw = functional.gelu(self.raw(_fuse(seen, here)))
        logits: Tensor = self.head(torch.cat([self._enlarged(x, grey.shape[2:]), raw], 1))
        return logits

    def _enlarged(self, x: Tensor, size: Sequence[int]) -> Tensor:
        return functional.interpolate(x, size=tuple(size), mode=self.mode)


def train_segmenter(
    model: StudyModel, voxels: Tensor, present: Tensor, labels: Tensor, config: SegmentConfig
) -> Segmenter:
    """A segmenter that starts from ``model``'s tower, trained on uint8 labels [N, Z, H, W] in BraTS codes, on the
    device where the model is.

    ``model`` itself is changed; pass a copy.
    """
    device = next(model.parameters()).device
    torch.manual_seed(config.seed)
    net = Segmenter(model, config.width).to(device).train()
    tower, rest = set(net.tower.parameters()), net.parameters()
    groups = [
        {"params": list(tower), "lr": config.tower_lr},
        {"params": [each for each in rest if each not in tower], "lr": config.lr},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [config.tower_lr, config.lr], total_steps=config.steps, pct_start=0.1
    )
    rng, target = np.random.default_rng(config.seed), _index(labels)
    for _ in range(config.steps):
        rows = torch.from_numpy(rng.choice(len(voxels), min(config.batch, len(voxels)), replace=False))
        optimizer.zero_grad(set_to_none=True)
        logits = net(voxels[rows].to(device), present[rows].to(device))
        segmentation_loss(logits, target[rows].to(device)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return net.eval()


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus one minus the soft Dice of the classes that are no background."""
    chance = logits.softmax(1)
    hot = functional.one_hot(target, logits.shape[1]).movedim(-1, 1).to(chance.dtype)
    axes = (0, 2, 3, 4)
    overlap, total = (chance * hot).sum(axes)[1:], (chance + hot).sum(axes)[1:]
    return functional.cross_entropy(logits, target) + 1 - ((2 * overlap + 1) / (total + 1)).mean()


def segment(net: Segmenter, voxels: Tensor, present: Tensor, batch: int = 16) -> Tensor:
    """uint8 [N, Z, H, W] in BraTS codes."""
    table, device = torch.tensor(CODES, dtype=torch.uint8), next(net.parameters()).device
    with torch.inference_mode():
        parts = [
            table[net(voxels[a : a + batch].to(device), present[a : a + batch].to(device)).argmax(1).cpu()]
            for a in range(0, len(voxels), batch)
        ]
    return torch.cat(parts)


def dice(found: Tensor, truth: Tensor, region: str) -> list[float]:
    """Of each study [Z, H, W] whose truth has the region: 2 overlap / (found + truth)."""
    codes = torch.tensor(REGIONS[region], dtype=torch.uint8)
    a, b = (torch.isin(each, codes).flatten(1).double() for each in (found, truth))
    sizes = b.sum(1)
    scores = 2 * (a * b).sum(1) / (a.sum(1) + sizes).clamp(min=1)
    return [float(score) for score, size in zip(scores, sizes, strict=True) if size]


def hausdorff(found: Tensor, truth: Tensor, region: str, spacing_mm: Spacing) -> list[float]:
    """HD95 in millimetres of each study [Z, H, W] whose truth has the region: `journalclip_evaluation.masks.hd95`."""
    return [hd95(drawn, there, spacing_mm) for drawn, there in _with_region(found, truth, region)]


def missed(found: Tensor, truth: Tensor, region: str) -> list[float]:
    """Of each study whose truth has the region: 1 where nothing of it was drawn, else 0."""
    return [float(not drawn.any()) for drawn, _ in _with_region(found, truth, region)]


def _with_region(found: Tensor, truth: Tensor, region: str) -> Iterator[tuple[Mask, Mask]]:
    """Drawn and true voxels of each study whose truth has the region."""
    for drawn, there in zip(found.numpy(), truth.numpy(), strict=True):
        true = np.isin(there, REGIONS[region])
        if true.any():
            yield np.isin(drawn, REGIONS[region]), true


def share_of(studies: Sequence[int], share: float, seed: int) -> list[int]:
    """``share`` of the studies, at least one; nested: a smaller share is part of a larger one."""
    order = np.random.default_rng((seed, 77)).permutation(len(studies))
    return [studies[n] for n in order[: max(1, round(share * len(studies)))]]


def _fuse(maps: Tensor, here: Tensor) -> Tensor:
    """[M, 2C, ...] from maps [P, C, ...] of the present cells of bool [M, S]: their mean and their maximum."""
    m, s = here.shape
    inner = (1,) * (maps.ndim - 1)
    laid = maps.new_full((m * s, *maps.shape[1:]), -torch.inf)
    laid[here.flatten()] = maps
    laid = laid.view(m, s, *maps.shape[1:])
    top = laid.amax(1)
    total = laid.masked_fill(~here.view(m, s, *inner), 0).sum(1)
    return torch.cat([total / here.sum(1).view(m, *inner), top], 1)


def _index(labels: Tensor) -> Tensor:
    table = torch.zeros(256, dtype=torch.int64)
    for index, code in enumerate(CODES):
        table[code] = index
    return table[labels.long()]
