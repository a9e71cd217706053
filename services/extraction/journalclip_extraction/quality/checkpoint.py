"""The image network's learned numbers, read from the package that carries them, without torch and without running it.

The package holds one file that torch wrote in 2020: a few pickled objects, then the raw numbers of every tensor. The
file's digest is compared first, so only these very bytes are ever read; and the reader resolves three names and no
other, so that nothing in them could run.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from journalclip_shared.packaged import LITE0

_HEADERS = 3  # pickled objects before the tensors' names: magic number, version, the writing machine
_COUNT = 8  # bytes before each storage that say how many numbers follow

Array = npt.NDArray[np.float32]
_Storage = tuple[str, type[np.generic]]


def read_checkpoint() -> dict[str, Array]:
    """Name -> tensor, in torch's shapes. Raises as `PackagedFile.read` does."""
    return _tensors(io.BytesIO(LITE0.read()))


class _Reader(pickle.Unpickler):
    """Only the names that a dictionary of tensors needs; a tensor stays a description until its numbers are read."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _described
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a dictionary of tensors")

    def persistent_load(self, pid: tuple[str, type[np.generic], str, str, int, object]) -> _Storage:
        _, kind, key, *_ = pid
        return key, kind


_TYPES: dict[str, type[np.generic]] = {"FloatStorage": np.float32, "LongStorage": np.int64}
_Description = tuple[_Storage, int, tuple[int, ...], tuple[int, ...]]


def _described(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> _Description:
    """Where a tensor's numbers stand."""
    return storage, offset, shape, stride


def _tensors(stream: io.BytesIO) -> dict[str, Array]:
    for _ in range(_HEADERS):
        _Reader(stream).load()
    described: dict[str, _Description] = _Reader(stream).load()
    types = dict(storage for storage, *_ in described.values())
    storages: dict[str, npt.NDArray[np.generic]] = {}
    for key in _Reader(stream).load():
        count = int.from_bytes(stream.read(_COUNT), "little")
        dtype = np.dtype(types[key])
        storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
    return {
        name: _laid_out(storages[key], offset, shape, stride)
        for name, ((key, _), offset, shape, stride) in described.items()
    }


def _laid_out(numbers: npt.NDArray[np.generic], offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """A tensor from its storage; ``stride`` counts numbers, as torch does."""
    steps = tuple(each * numbers.itemsize for each in stride)
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps).astype(np.float32, order="C")
