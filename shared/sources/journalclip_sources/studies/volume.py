"""A volume: voxels with their place in space, and the NIfTI bytes it is stored as.

``affine`` takes voxel indices to RAS millimetres. Bytes are deterministic, and hold no word: description, intent and
extensions of a header are never copied.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray

from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.options import MAX_VOXELS

_THICK = 1.3  # times the other axes' spacing: what is called a slice
_BRAIN_ADC = 1.0e-3  # mm2/s, between brain and fluid
Voxels = NDArray[np.float32]
Affine = NDArray[np.float64]


@dataclass(frozen=True)
class Volume:
    """float32 [I, J, K]."""

    voxels: Voxels
    affine: Affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres along each index."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    def world(self) -> tuple[Voxels, Voxels, Voxels]:
        """RAS millimetres at every voxel."""
        i, j, k = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in self.voxels.shape), indexing="ij", sparse=True)
        a = self.affine.astype(np.float32)
        rows = [np.asarray(a[r, 0] * i + a[r, 1] * j + a[r, 2] * k + a[r, 3], np.float32) for r in range(3)]
        return rows[0], rows[1], rows[2]


def checked(voxels: NDArray[np.generic], affine: Affine, flat: bool = False) -> Volume:
    """Three axes, a size within reason, finite, invertible, not all the same unless ``flat``. Raises `StudyRefused`."""
    if voxels.ndim != 3 or min(voxels.shape) < 1:
        raise StudyRefused("nifti-4d", f"an array of {voxels.ndim} axes is no volume")
    if voxels.size > MAX_VOXELS:
        raise StudyRefused("volume-too-large", f"{voxels.size} voxels, {MAX_VOXELS} are allowed")
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise StudyRefused("nifti-no-orientation", "the affine is not invertible")
    floats = np.asarray(voxels, np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        # Maps are often NaN where nothing was measured; most of a head being so is a broken file.
        if finite.mean() < 0.3 or np.isinf(floats).any():
            raise StudyRefused("nifti-not-finite", f"{100 * (1 - finite.mean()):.0f} % of the voxels are no numbers")
        floats = np.where(finite, floats, np.float32(0))
    if not flat and float(floats.max()) == float(floats.min()):
        raise StudyRefused("volume-empty", "all voxels have one value")
    return Volume(floats, np.asarray(affine, np.float64))


def orientation(affine: Affine) -> str:
    """Directions in which the indices rise, as letters."""
    return "".join(str(each) for each in nibabel.aff2axcodes(affine))


def slices_last(volume: Volume) -> Volume:
    """With the axis of the thick slices last, whatever order a file has; each voxel keeps its place."""
    spacing = np.array(volume.spacing)
    thick = int(spacing.argmax())
    others = np.delete(spacing, thick)
    if thick == 2 or spacing[thick] < _THICK * float(others.max()):
        return volume
    order = [axis for axis in range(3) if axis != thick] + [thick]
    affine = volume.affine.copy()
    affine[:, :3] = affine[:, order]
    return Volume(np.ascontiguousarray(np.transpose(volume.voxels, order)), affine)


def to_mm2_per_s(volume: Volume) -> Volume:
    """A diffusion coefficient in mm2/s, whatever power of ten its maker stored: brain has about 0.0008."""
    inside = volume.voxels[volume.voxels > 0]
    if not inside.size:
        return volume
    return Volume(np.asarray(volume.voxels * np.float32(adc_factor(inside)), np.float32), volume.affine)


def adc_factor(inside: Voxels) -> float:
    """The power of ten that brings positive coefficients to mm2/s."""
    middle = float(np.median(inside[inside > 0.05 * float(np.percentile(inside, 99))]))
    return float(10.0 ** round(float(np.log10(_BRAIN_ADC / middle))))


def to_nifti(voxels: NDArray[np.generic], affine: Affine) -> bytes:
    """Gzipped NIfTI-1, equal bytes for equal volumes."""
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    image.set_qform(affine, 1, strip_shears=True)
    out = io.BytesIO()
    # Level 1: three times as fast as 6 for a tenth more bytes; no time, no name in the header.
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0, filename="") as packed:
        packed.write(image.to_bytes())
    return out.getvalue()
