"""NIfTI files: one volume each, with an orientation, or a reason why not.

Big-endian files, both NIfTI versions and gzip are read; what a gzip may hold is checked as it is unpacked. A file of
four dimensions is taken where the fourth is one long, or where the b-values beside it name the weighted volumes.
"""

from __future__ import annotations

import zlib

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, HeaderTypeError, ImageDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.options import MAX_FILE_BYTES, MAX_VOXELS
from journalclip_sources.studies.volume import Volume, checked

# What nibabel raises on broken files; its own kinds have no base in common.
_BROKEN = (
    ImageFileError, HeaderDataError, HeaderTypeError, ImageDataError, WrapStructError, ValueError, OSError,
    OverflowError, TypeError, KeyError,
)  # fmt: skip
_WEIGHTED = 500.0  # s/mm2 from which a volume is diffusion-weighted


def is_nifti(data: bytes) -> bool:
    """By its magic; a gzip is looked into."""
    head = _gunzip(data, 352, strict=False) if data[:2] == b"\x1f\x8b" else data[:352]
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def read_nifti(data: bytes, b_values: tuple[float, ...] = (), flat: bool = False) -> Volume:
    """One value throughout is refused unless ``flat``. Raises `StudyRefused`."""
    raw = _gunzip(data, MAX_FILE_BYTES) if data[:2] == b"\x1f\x8b" else data
    kind = nibabel.Nifti2Image if raw[4:8] == b"n+2\0" else nibabel.Nifti1Image
    try:
        image = kind.from_bytes(raw)
        _check_size(image.shape)
        values = np.asanyarray(image.dataobj)
    except StudyRefused:
        raise
    except _BROKEN as error:
        raise StudyRefused("nifti-invalid", f"not a readable NIfTI file ({type(error).__name__})") from error
    if values.dtype.fields is not None or np.iscomplexobj(values):
        raise StudyRefused("nifti-invalid", "colour or complex values are no MR volume")
    sform, qform = int(image.header["sform_code"]), int(image.header["qform_code"])
    if not sform and not qform:
        raise StudyRefused("nifti-no-orientation", "neither qform nor sform is set")
    return checked(_three(values, b_values), image.affine, flat)


def _three(values: NDArray[np.generic], b_values: tuple[float, ...]) -> NDArray[np.generic]:
    squeezed = (
        values.reshape(values.shape[:3]) if values.ndim > 3 and values.size == np.prod(values.shape[:3]) else values
    )
    if squeezed.ndim == 3:
        return squeezed
    if squeezed.ndim != 4:
        raise StudyRefused("nifti-4d", f"{squeezed.ndim} dimensions")
    count = squeezed.shape[3]
    weighted = [n for n, b in enumerate(b_values) if b >= _WEIGHTED] if len(b_values) == count else []
    if not weighted:
        raise StudyRefused("nifti-4d", f"{count} volumes in one file, and no b-values to choose by")
    return np.asarray(squeezed[..., weighted].mean(-1))


def _check_size(shape: tuple[int, ...]) -> None:
    if not shape or any(side < 1 for side in shape):
        raise StudyRefused("nifti-invalid", "a dimension is not positive")
    if float(np.prod([float(side) for side in shape])) > MAX_VOXELS:
        raise StudyRefused("volume-too-large", f"{MAX_VOXELS} voxels are allowed")


def _gunzip(data: bytes, limit: int, strict: bool = True) -> bytes:
    unpacker = zlib.decompressobj(31)
    try:
        raw = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        if not strict:
            return b""
        raise StudyRefused("nifti-invalid", "the gzip is broken") from error
    if strict and len(raw) > limit:
        raise StudyRefused("volume-too-large", f"its content is more than {limit >> 20} MiB")
    if strict and not unpacker.eof:
        raise StudyRefused("nifti-invalid", "the gzip is cut")
    return raw
