"""Several files -> the bytes of one: what carries a folder into the sandbox."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_WHEN = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes


def pack(files: Mapping[str, bytes]) -> bytes:
    """One file as it is; several as an uncompressed zip, sorted by name."""
    if len(files) == 1:
        return next(iter(files.values()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _WHEN), files[name])
    return out.getvalue()
