"""The b-value of a slice, wherever its vendor writes it: the standard's attributes, else the vendor's own, found by
their private creator and never by a fixed block.

Elements: GE ``GEMS_PARM_01`` (0043,xx39), first value, with 1e9 added since about 2010; Siemens ``SIEMENS MR HEADER``
(0019,xx0C), and the pulse sequence's name (``ep_b1000t``); Philips ``Philips Imaging DD 001`` (2001,xx03); United
Imaging ``Image Private Header`` (0065,xx09); Canon (Toshiba) ``TOSHIBA_MEC_MR3`` and Hitachi write the standard's.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from pydicom import Dataset

from journalclip_sources.studies.dicom.decode import number, numbers, value, words

_MOST = 20_000.0  # s/mm2: no scanner weights more; a larger number is another thing
_GE_OFFSET = 1_000_000_000
_PRIVATE = (
    (0x0043, "GEMS_PARM_01", 0x39),
    (0x0019, "SIEMENS MR HEADER", 0x0C),
    (0x2001, "Philips Imaging DD 001", 0x03),
    (0x0065, "Image Private Header", 0x09),
    (0x0065, "UIH", 0x09),
)
_SIEMENS_NAME = re.compile(r"(?:^|[^a-z])ep\w*?_b(\d{1,5})(?!\d)")


def b_value(dataset: Dataset, frame: Dataset) -> float | None:
    """In s/mm2; None where nothing says it."""
    for source in (frame, dataset):
        found = number(source, "DiffusionBValue")
        if found is not None:
            return found
    for source in (frame, dataset):
        for group, creator, element in _PRIVATE:
            found = _number(private(source, group, creator, element))
            if found is not None and group == 0x0043 and found >= _GE_OFFSET:
                found %= _GE_OFFSET
            if found is not None and 0 <= found <= _MOST:
                return found
    for name in words(dataset, "SequenceName"):
        match = _SIEMENS_NAME.search(name.lower())
        if match:
            return float(match[1])
    return None


def direction(dataset: Dataset, frame: Dataset) -> str:
    """Of the gradient, as text to tell volumes apart; empty where none is stated."""
    for source in (frame, dataset):
        standard = numbers(source, "DiffusionGradientOrientation", 3)
        found = None if standard is None else [float(each) for each in standard]
        if found is None:
            found = _three(private(source, 0x0019, "SIEMENS MR HEADER", 0x0E))
        if found is None:
            found = _three(private(source, 0x0065, "Image Private Header", 0x37))
        if found is not None:
            return "/".join(f"{each:.3f}" for each in found)
        for name in ("DiffusionDirectionality",):
            said = value(source, name)
            if said is not None:
                return str(said)
    return ""


def private(dataset: Dataset, group: int, creator: str, element: int) -> Any:
    """The value of a private element by its creator's name, in any block; None where it is absent."""
    tags = dataset.keys()  # its iterator would decode every element
    for block in sorted(tag.elem for tag in tags if tag.group == group and 0x10 <= tag.elem < 0x100):
        name = dataset.get((group, block))
        if name is not None and str(name.value).strip().upper() == creator.upper():
            found = dataset.get((group, (block << 8) + element))
            if found is not None and found.value not in (None, "", b""):
                return found.value
    return None


def _number(found: Any) -> float | None:
    """The first number of a value of any VR; an unknown VR's bytes are read as text or as one number."""
    if isinstance(found, bytes):
        found = _of_bytes(found)
    elif not isinstance(found, (str, int, float)) and hasattr(found, "__iter__"):
        found = next(iter(found), None)
    try:
        return None if found is None else float(str(found).split("\\")[0])
    except ValueError:
        return None


def _of_bytes(raw: bytes) -> str | float | None:
    text = raw.strip(b"\0 ")
    if re.fullmatch(rb"[-+.\d\\eE ]+", text):
        return text.decode("ascii")
    if len(raw) == 8:
        return float(struct.unpack("<d", raw)[0])
    if len(raw) != 4:
        return None
    whole, real = float(struct.unpack("<i", raw)[0]), float(struct.unpack("<f", raw)[0])
    return whole if abs(whole) < _GE_OFFSET or not 1 <= abs(real) <= _MOST else real  # Philips stores four-byte reals


def _three(found: Any) -> list[float] | None:
    if isinstance(found, bytes):
        if len(found) != 24:
            return None
        return list(struct.unpack("<3d", found))
    try:
        plain = [float(each) for each in found]
    except (TypeError, ValueError):
        return None
    return plain if len(plain) == 3 else None
