"""One DICOM file: its header, and its pixels where it has any; or a stable reason why not.

Whatever is wrong with a file ends as `StudyRefused`; the libraries below raise many kinds of error on broken files, and
they are listed here once. Pixels are decoded whole or not at all.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from journalclip_sources.studies.errors import StudyRefused

# pydicom logs the values that it finds wrong, and a wrong birth date is one as well.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

# What pydicom and the codecs raise on broken or unusual files.
BROKEN = (
    AttributeError, KeyError, IndexError, TypeError, ValueError, NotImplementedError, RuntimeError, EOFError, OSError,
    OverflowError, ZeroDivisionError, AssertionError, struct.error, InvalidDicomError, BytesLengthException,
    MemoryError,
)  # fmt: skip
_UNDEFINED = 0xFFFFFFFF  # length of an element that ends with a delimiter
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def is_dicom(data: bytes) -> bool:
    """By its magic; files without a preamble are found by `parse`."""
    return data[128:132] == b"DICM"


def parse(data: bytes) -> Dataset:
    """Raises `StudyRefused` ``dicom-invalid``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(io.BytesIO(data), force=True)
            cut = _is_cut(dataset)
            # A header is read lazily; walking it once makes every later access safe.
            for element in dataset.iterall():
                _ = element.value
            _name_syntax(dataset)
            known = "SOPClassUID" in dataset or "Rows" in dataset or "MediaStorageSOPClassUID" in dataset.file_meta
        except BROKEN as error:
            raise StudyRefused("dicom-invalid", f"the header cannot be read ({type(error).__name__})") from error
    if not known:
        raise StudyRefused("dicom-invalid", "not a DICOM object: it names no class and holds no picture")
    if cut:
        raise StudyRefused("dicom-invalid", "the file ends within an element")
    return dataset


def pixels(dataset: Dataset) -> NDArray[np.generic]:
    """[frames, rows, columns], or with a last axis of 3 for colour; stored values. Raises `StudyRefused`."""
    if not any(name in dataset for name in _PIXELS):
        raise StudyRefused("dicom-no-pixels", "the object holds no picture")
    syntax = UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "") or ""))
    if not syntax.is_transfer_syntax:
        raise StudyRefused("dicom-codec", "the transfer syntax is not one that DICOM defines")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found: NDArray[np.generic] = np.asarray(dataset.pixel_array)
            frames = int(dataset.get("NumberOfFrames") or 1)
            expected = frames * int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
        except BROKEN as error:
            if syntax.is_compressed and _no_decoder(error):
                raise StudyRefused("dicom-codec", f"{syntax.name} cannot be decoded here") from error
            raise StudyRefused(
                "dicom-pixels-invalid", f"the pixels cannot be decoded ({type(error).__name__})"
            ) from error
    if found.size != expected:
        raise StudyRefused("dicom-pixels-invalid", f"{found.size} values where the header says {expected}")
    single = int(dataset.get("SamplesPerPixel") or 1) == 1
    shape = (frames, int(dataset.Rows), int(dataset.Columns))
    return found.reshape(shape if single else (*shape, -1))


def _is_cut(dataset: Dataset) -> bool:
    """Whether an element has fewer bytes than it announces; reading past a file's end is no error to pydicom."""
    elements: list[object] = [dataset.get_item(tag) for tag in dataset.keys()]  # noqa: SIM118 - iterating it converts
    raw = [each for each in elements if isinstance(each, RawDataElement) and each.length != _UNDEFINED]
    return any(len(each.value or b"") < each.length for each in raw)


def _name_syntax(dataset: Dataset) -> None:
    """Files without a preamble name no transfer syntax; how the header was read says which one it is."""
    if not getattr(dataset.file_meta, "TransferSyntaxUID", None):
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = plain


def _no_decoder(error: Exception) -> bool:
    text = str(error).lower()
    return "no suitable" in text or "plugin" in text or "unable to decompress" in text or "not supported" in text


def value(dataset: Dataset, keyword: str) -> Any:
    """An element's value, or None where it is absent, empty or malformed."""
    try:
        found = dataset.get(keyword)
    except BROKEN:
        return None
    return None if found is None or found == "" else found


def number(dataset: Dataset, keyword: str) -> float | None:
    """A finite number, or None."""
    found = value(dataset, keyword)
    try:
        plain = float(
            found[0]
            if isinstance(found, (list, tuple)) or (hasattr(found, "__iter__") and not isinstance(found, (str, bytes)))
            else found
        )
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return plain if np.isfinite(plain) else None


def numbers(dataset: Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    """``count`` finite numbers, or None."""
    found = value(dataset, keyword)
    try:
        plain = np.array([float(each) for each in found], np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return plain if plain.shape == (count,) and np.isfinite(plain).all() else None


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """An element's values as text."""
    found = value(dataset, keyword)
    if found is None:
        return ()
    return (
        (found,)
        if isinstance(found, str)
        else tuple(str(each) for each in found)
        if hasattr(found, "__iter__")
        else (str(found),)
    )
