"""A label map: which part of a tumour every voxel belongs to, in the codes of the BraTS challenges.

0 background, 1 necrotic or non-enhancing core, 2 oedema, 4 enhancing tumour; challenges from 2023 on write 3 for 4. A
map must lie voxel for voxel on one of its case's volumes, so that both take the same way to the grid and no label moves
against its picture.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.nifti import read_nifti
from journalclip_sources.studies.volume import Volume

_CODES = (0, 1, 2, 3, 4)
_NEWER_ENHANCING, _ENHANCING = 3, 4


def read_labels(data: bytes, volumes: Iterable[Volume]) -> Volume:
    """Codes 0, 1, 2 and 4 as floats; a map of one code throughout is one of a case without a tumour.

    Raises `StudyRefused`: ``labels-invalid``, ``labels-other-grid``, and what reading a NIfTI file raises.
    """
    found = read_nifti(data, flat=True)
    if not any(_same_grid(found, each) for each in volumes):
        raise StudyRefused("labels-other-grid", f"a label map of {found.voxels.shape} lies on none of its volumes")
    codes = np.rint(found.voxels)
    odd = found.voxels[(np.abs(found.voxels - codes) > 1e-3) | ~np.isin(codes, _CODES)]
    if odd.size:
        raise StudyRefused("labels-invalid", f"{odd.size} voxels hold no known label, one of them {odd[0]:g}")
    codes[codes == _NEWER_ENHANCING] = _ENHANCING
    return Volume(codes, found.affine)


def _same_grid(a: Volume, b: Volume) -> bool:
    """Affines may differ by how a header rounds them, well below a voxel."""
    return a.voxels.shape == b.voxels.shape and np.allclose(a.affine, b.affine, rtol=1e-5, atol=1e-4)
