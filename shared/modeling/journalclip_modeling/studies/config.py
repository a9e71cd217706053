"""What a study model is: its towers' sizes, the grid of voxels it reads, and the sequences it knows.

`StudyModelConfig` is what ``config.json`` of a model folder holds; equal configurations build equal networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from journalclip_shared.records.report import SequenceName

SEQUENCES: tuple[SequenceName, ...] = get_args(SequenceName)


@dataclass(frozen=True)
class SliceTowerConfig:
    """The image tower; its weights are shared by all sequences, and by all slices where it sees one at a time."""

    # volume: a 3-D ResNet over whole volumes, SeLIP's; backbone: a pretrained network of transformers or timm
    kind: Literal["resnet", "vit", "volume", "backbone"] = "resnet"
    widths: tuple[int, ...] = (256, 512, 1024, 2048)  # channels a stage of the ResNet
    depths: tuple[int, ...] = (3, 4, 6, 3)
    block: Literal["bottleneck", "basic"] = "bottleneck"
    stem: int = 64
    pooled_stem: bool = True  # False: a stem of 3 x 3 that halves once only, for slices too small for 7 x 7 and twice
    norm_groups: int = 32
    patch: int = 16  # ViT
    width: int = 768
    layers: int = 12
    heads: int = 12
    backbone: str = ""  # JSON of a backbone: `towers.BackboneTower`


@dataclass(frozen=True)
class TextTowerConfig:
    """A CLIP text transformer, or any Hugging Face encoder, whose first token's vector is projected."""

    kind: Literal["clip", "encoder"] = "clip"
    encoder: str = ""  # JSON of the encoder's own configuration; empty: a BERT of the sizes below
    width: int = 512
    layers: int = 12
    heads: int = 8
    context: int = 77
    vocabulary: int = 8000


@dataclass(frozen=True)
class StudyModelConfig:
    """The whole model. ``grid`` is slices, rows, columns of every volume."""

    grid: tuple[int, int, int] = (24, 224, 192)
    sequences: tuple[SequenceName, ...] = SEQUENCES
    tower: SliceTowerConfig = field(default_factory=SliceTowerConfig)
    text: TextTowerConfig = field(default_factory=TextTowerConfig)
    hidden: int = 512  # width of the pooled tokens
    pool_heads: int = 8
    dim: int = 512  # of the shared space


def resnet50() -> SliceTowerConfig:
    """ResNet-50 (arXiv 1512.03385)."""
    return SliceTowerConfig()


def volume_resnet50() -> SliceTowerConfig:
    """A 3-D ResNet-50 of one channel, with batch normalisation, as SeLIP's."""
    return SliceTowerConfig(kind="volume")


def tiny_volume(widths: tuple[int, ...] = (8, 16)) -> SliceTowerConfig:
    """A 3-D ResNet for small volumes and a CPU."""
    return SliceTowerConfig(
        kind="volume", widths=widths, depths=(1,) * len(widths), stem=widths[0], pooled_stem=False, block="basic"
    )


def vit_b16() -> SliceTowerConfig:
    """ViT-B/16 (arXiv 2010.11929)."""
    return SliceTowerConfig(kind="vit")


def tiny_resnet(widths: tuple[int, ...] = (24, 48)) -> SliceTowerConfig:
    """A ResNet for slices of 20 to 64 pixels and a CPU."""
    return SliceTowerConfig(
        widths=widths, depths=(1,) * len(widths), block="basic", stem=widths[0], pooled_stem=False, norm_groups=4
    )


def tiny_vit() -> SliceTowerConfig:
    """A ViT for slices of 32 to 64 pixels and a CPU."""
    return SliceTowerConfig(kind="vit", patch=8, width=48, layers=2, heads=3)
