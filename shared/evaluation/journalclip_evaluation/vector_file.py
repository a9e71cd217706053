"""Vectors in a ``.npy`` file, read by slices: a million of them are evaluated without being in memory.

Plain reads and no memory map: mapped pages count as the process's own memory, reads leave only the slice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_evaluation.counting import Floats
from journalclip_evaluation.errors import EmbeddingsUnusable


@dataclass(frozen=True)
class VectorFile:
    """`Rows` over float32 [N, D] in C order."""

    path: Path
    shape: tuple[int, ...]
    offset: int

    @classmethod
    def open(cls, path: Path) -> VectorFile:
        """Raises `EmbeddingsUnusable` for any other kind of array."""
        with path.open("rb") as handle:
            try:
                np.lib.format.read_magic(handle)
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(handle)
            except ValueError as error:
                raise EmbeddingsUnusable(f"{path}: {error}") from error
            if fortran or dtype != np.float32 or len(shape) != 2:
                raise EmbeddingsUnusable(f"{path} holds {dtype} {shape}, not float32 rows")
            return cls(path, shape, handle.tell())

    @classmethod
    def write(cls, path: Path, parts: Iterable[Floats], shape: tuple[int, int]) -> VectorFile:
        """Parts of rows, one after the other."""
        with path.open("wb") as handle:
            np.lib.format.write_array_header_1_0(handle, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for part in parts:
                handle.write(np.ascontiguousarray(part, np.float32).tobytes())
        return cls.open(path)

    def __getitem__(self, rows: slice, /) -> Floats:
        start, stop, _ = rows.indices(self.shape[0])
        width = self.shape[1]
        data = np.fromfile(self.path, np.float32, (stop - start) * width, offset=self.offset + 4 * start * width)
        return data.reshape(stop - start, width)
