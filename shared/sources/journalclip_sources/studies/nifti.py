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
from journalclip_sources.studies.recognise import WEIGHTED
from journalclip_sources.studies.volume import Volume, checked

# What nibabel raises on broken files; its own kinds have no base in common.
_BROKEN = (
    ImageFileError, HeaderDataError, HeaderTypeError, ImageDataError, WrapStructError, ValueError, OSError,
    OverflowError, TypeError, KeyError,
)  # fmt: skip


def is_nifti(data: bytes) -> bool:
    """By its magic; a gzip is looked into."""
    head = _gunzip(data, 352, strict=False) if data[:2] == b"\x1f\x8b" else data[:352]
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def b_groups(b_values: tuple[float, ...]) -> tuple[float, ...]:
    """The different diffusion weightings, rounded to 50 s/mm2 as scanners vary them by direction."""
    return tuple(sorted({50.0 * round(b / 50) for b in b_values if b >= WEIGHTED}))


def read_nifti(
    data: bytes, b_values: tuple[float, ...] = (), flat: bool = False, weighting: float | None = None
) -> Volume:
    """Of four dimensions the mean of the volumes of one ``weighting``, else of all weighted ones. One value throughout
    is refused unless ``flat``. Raises `StudyRefused`."""
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
    return checked(_three(values, b_values, weighting), _affine(image.header), flat)


def _affine(header: nibabel.Nifti1Header) -> NDArray[np.float64]:
    """To RAS mm: the sform where it is set and can be inverted, else the qform, in the unit that the header names."""
    found = None
    if int(header["sform_code"]) and abs(np.linalg.det(header.get_sform()[:3, :3])) > 0:
        found = header.get_sform()
    elif int(header["qform_code"]):
        try:
            found = header.get_qform()
        except _BROKEN as error:
            raise StudyRefused("nifti-no-orientation", "the qform is no rotation") from error
    if found is None:
        raise StudyRefused("nifti-no-orientation", "neither qform nor sform is set")
    unit = int(header["xyzt_units"]) & 7
    scaled = np.asarray(found, np.float64).copy()
    scaled[:3] *= {1: 1000.0, 3: 0.001}.get(unit, 1.0)
    return scaled


def _three(values: NDArray[np.generic], b_values: tuple[float, ...], weighting: float | None) -> NDArray[np.generic]:
    squeezed = (
        values.reshape(values.shape[:3]) if values.ndim > 3 and values.size == np.prod(values.shape[:3]) else values
    )
    if squeezed.ndim == 3:
        return squeezed
    if squeezed.ndim != 4:
        raise StudyRefused("nifti-4d", f"{squeezed.ndim} dimensions")
    count = squeezed.shape[3]
    known = b_values if len(b_values) == count else ()
    weighted = [n for n, b in enumerate(known) if b >= WEIGHTED and weighting in (None, 50.0 * round(b / 50))]
    if not weighted:
        raise StudyRefused("nifti-4d", f"{count} volumes in one file, and no b-values to choose by")
    return np.asarray(squeezed[..., weighted].mean(-1))


def _check_size(shape: tuple[int, ...]) -> None:
    if not shape or any(side < 1 for side in shape):
        raise StudyRefused("nifti-invalid", "a dimension is not positive")
    if float(np.prod([float(side) for side in shape])) > MAX_VOXELS:
        raise StudyRefused("volume-too-large", f"{MAX_VOXELS} voxels are allowed")


def _gunzip(data: bytes, limit: int, strict: bool = True) -> bytes:
    """All members of a gzip, as parallel compressors write them."""
    out = bytearray()
    rest = data
    while rest[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(31)
        try:
            out += unpacker.decompress(rest, max(1, limit + 1 - len(out)))
        except zlib.error:
            if not strict:
                return bytes(out)
            raise StudyRefused("nifti-invalid", "the gzip is broken") from None
        if not strict and len(out) >= limit:
            return bytes(out)
        if strict and len(out) > limit:
            raise StudyRefused("volume-too-large", f"its content is more than {limit >> 20} MiB")
        if not unpacker.eof:
            if strict:
                raise StudyRefused("nifti-invalid", "the gzip is cut")
            return bytes(out)
        rest = unpacker.unused_data
    return bytes(out)
