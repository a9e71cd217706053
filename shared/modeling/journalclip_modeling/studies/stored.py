"""A stored volume of a study: the gzipped NIfTI that taking in has written."""

from __future__ import annotations

import gzip
import zlib

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from journalclip_shared.errors import PermanentError


def voxels_of(nifti: bytes, name: str = "a stored volume") -> NDArray[np.uint8]:
    """[slices, rows, columns]. Raises `PermanentError` ``volume-unreadable``, which says ``name``."""
    try:
        return np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(nifti)).dataobj, np.uint8)
    except (OSError, EOFError, zlib.error, ValueError, HeaderDataError) as error:
        raise PermanentError("volume-unreadable", f"{name} does not open: {error}", "") from error
