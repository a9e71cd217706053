"""Sizes of a CLIP that is made from nothing. Apart from the model itself, so that recipes are read without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScratchConfig:
    """Sizes of both towers; the defaults train in minutes on two cores."""

    image_size: int = 64
    patch_size: int = 8
    width: int = 128
    layers: int = 4
    heads: int = 4
    dim: int = 128
    vocabulary: int = 2000
    context: int = 96
