"""From a truth to volumes: the same tissues under every sequence, with partial volume, coil shading and noise.

All scans of a study share one grid and one head; only brightness and noise differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from journalclip_shared.records.report import SequenceName
from journalclip_synthetic.studies.head import Coordinates, Labels, draw_tissue, head_coordinates
from journalclip_synthetic.studies.signals import NOISE, brats_labels, brightness
from journalclip_synthetic.studies.truth import StudyTruth

HEAD_MM = (-96.0, 96.0)  # from below the chin's middle to above the vertex


@dataclass(frozen=True)
class Scan:
    """A volume float32 [X, Y, Z] of brightness 0 to 1, and its affine to world millimetres (RAS)."""

    sequence: SequenceName
    voxels: NDArray[np.float32]
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class DrawnStudy:
    """All scans of a study with their labels; ``at`` is the head's own coordinate system at every voxel."""

    truth: StudyTruth
    scans: tuple[Scan, ...]
    tissue: Labels
    at: Coordinates

    @property
    def labels(self) -> Labels:
        """BraTS codes."""
        return brats_labels(self.tissue)


def grid(
    size: int, slices: int, field: float = 240.0, height: tuple[float, float] = HEAD_MM
) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Shape and affine of an axial stack: ``size`` x ``size`` pixels over ``field`` mm, slices over ``height``."""
    pixel, gap = field / size, (height[1] - height[0]) / slices
    affine = np.diag([pixel, pixel, gap, 1.0])
    affine[:3, 3] = -pixel * (size - 1) / 2, -pixel * (size - 1) / 2, height[0] + gap / 2
    return (size, size, slices), affine


def draw_study(
    truth: StudyTruth,
    size: int = 96,
    slices: int = 24,
    field: float = 240.0,
    height: tuple[float, float] = HEAD_MM,
) -> DrawnStudy:
    """Deterministic in its arguments."""
    shape, affine = grid(size, slices, field, height)
    rng = np.random.default_rng(truth.seed)
    at = head_coordinates(shape, affine, rng)
    tissue = draw_tissue(at, truth.lesion, rng)
    scans = tuple(Scan(name, _scan(name, tissue, affine, rng), affine) for name in truth.sequences)
    return DrawnStudy(truth, scans, tissue, at)


def _scan(
    sequence: SequenceName, tissue: Labels, affine: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    table = brightness(sequence)
    jitter = rng.normal(1, 0.05, len(table)).astype(np.float32)  # no two scanners weigh tissues alike
    pixel = affine[0, 0]
    blur = max(0.3, 0.9 / pixel)
    volume = gaussian_filter((table * jitter)[tissue], (blur, blur, 0.25))
    if sequence != "ADC":  # a quotient of two images: shading cancels
        volume *= 1 + 0.1 * _shading(volume.shape, rng)
    volume += rng.normal(0, NOISE[sequence], volume.shape)
    return np.asarray(np.clip(volume, 0, 1.2), np.float32)


def _shading(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth field of about -1 to 1."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    a = rng.normal(0, 0.5, 6)
    x, y, z = axes
    field = a[0] * x + a[1] * y + a[2] * z + a[3] * x * y + a[4] * x * x + a[5] * y * y
    return np.asarray(field, np.float32)
