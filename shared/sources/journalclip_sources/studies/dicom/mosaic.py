"""Siemens mosaics: a volume's slices as the tiles of one picture.

How many tiles are slices stands in ``SIEMENS MR HEADER`` (0019,xx0A), or in the CSA header that nibabel reads. The
position in the header is the corner that a picture of the whole mosaic would have around the first slice's middle, so
half the difference of the two sizes is added to it. Slices follow the CSA header's slice normal, else the
orientation's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from journalclip_sources.studies.dicom.decode import number, numbers, words
from journalclip_sources.studies.dicom.diffusion import private
from journalclip_sources.studies.errors import StudyRefused

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel calls its reader experimental; only two values of the CSA header are used
    from nibabel.nicom import csareader
    from nibabel.nicom.csareader import CSAError, CSAReadError


def tiles(dataset: Dataset) -> int | None:
    """How many slices a mosaic holds; None where the object is no mosaic."""
    if "MOSAIC" not in {each.upper() for each in words(dataset, "ImageType")}:
        return None
    found = private(dataset, 0x0019, "SIEMENS MR HEADER", 0x0A)
    if isinstance(found, bytes) and len(found) == 2:
        found = int.from_bytes(found, "little")
    try:
        if found is None:
            found = csareader.get_n_mosaic(_csa(dataset))
        count = int(found)
    except (TypeError, ValueError) as error:
        raise StudyRefused("dicom-geometry", "the mosaic does not say how many slices it holds") from error
    if not 1 < count <= 512:
        raise StudyRefused("dicom-geometry", "the mosaic does not say how many slices it holds")
    return count


def split(
    dataset: Dataset, plane: NDArray[np.generic], count: int
) -> Iterator[tuple[NDArray[np.generic], NDArray[np.float64]]]:
    """Each slice with its position, LPS mm. Raises `StudyRefused` ``dicom-geometry``."""
    side = math.ceil(math.sqrt(count))
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    position, orientation = numbers(dataset, "ImagePositionPatient", 3), numbers(dataset, "ImageOrientationPatient", 6)
    spacing = numbers(dataset, "PixelSpacing", 2)
    step = number(dataset, "SpacingBetweenSlices") or number(dataset, "SliceThickness")
    if position is None or orientation is None or spacing is None or not step:
        raise StudyRefused("dicom-geometry", "position, orientation or spacing of a mosaic is missing")
    across, down = orientation[:3], orientation[3:]
    normal = np.cross(across, down)
    stated = csareader.get_slice_normal(_csa(dataset)) if _csa(dataset) else None
    if stated is not None and float(np.dot(stated, normal)) < 0:
        normal = -normal
    corner = (
        position
        + across * spacing[1] * (plane.shape[1] - columns) / 2
        + down * spacing[0] * (plane.shape[0] - rows) / 2
    )
    for number_ in range(count):
        r, c = divmod(number_, side)
        yield plane[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns], corner + normal * step * number_


def _csa(dataset: Dataset) -> dict[str, object]:
    try:
        return csareader.get_csa_header(dataset) or {}
    except (CSAError, CSAReadError, KeyError, ValueError, AttributeError, TypeError):
        return {}
