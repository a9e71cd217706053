"""Pictures for training: uint8 until they are on the device, any batch by index, at random-access cost.

The frozen dataset's tar shards are fetched once to local disk and indexed by byte offset; a batch's JPEGs are read by
position, decoded by a pool of threads (Pillow frees the interpreter while it decodes) and squared. Where all decoded
pictures fit a budget they are kept in memory, and every later epoch costs a copy.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from journalclip_modeling.preprocess import Pixels, Preprocess
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.frozen import Shard
from journalclip_training.batches import Indices

GAP = 2  # the decoder's own reduction stops at twice the size; the rest is the resize that serving does, too


class Pictures(Protocol):
    """Indexable pictures of one square size."""

    def __len__(self) -> int: ...

    def batch(self, indices: Indices) -> Tensor:
        """uint8 [len(indices), 3, size, size]."""
        ...


@dataclass(frozen=True)
class InMemory:
    """Decoded pictures, uint8 [N, 3, size, size]."""

    pixels: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, indices: Indices) -> Tensor:
        return self.pixels[torch.from_numpy(indices)]


@dataclass(frozen=True)
class Joined:
    """One set of pictures after another, of the same size."""

    first: Pictures
    second: Pictures

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def batch(self, indices: Indices) -> Tensor:
        of_first = indices < len(self.first)
        parts = self.first.batch(indices[of_first]), self.second.batch(indices[~of_first] - len(self.first))
        out = torch.empty(len(indices), *parts[0].shape[1:], dtype=torch.uint8)
        for mask, part in zip((of_first, ~of_first), parts, strict=True):
            out[torch.from_numpy(mask)] = part
        return out


@dataclass(frozen=True)
class Place:
    """Where one JPEG lies."""

    file: int
    offset: int
    size: int


@dataclass(frozen=True)
class Shards:
    """JPEGs inside local tar files, decoded on demand."""

    files: tuple[Path, ...]
    places: tuple[Place, ...]
    preprocess: Preprocess
    threads: int = 2
    _pool: ThreadPoolExecutor = field(init=False, repr=False)
    _handles: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pool", ThreadPoolExecutor(self.threads, thread_name_prefix="decode"))
        object.__setattr__(self, "_handles", tuple(os.open(path, os.O_RDONLY) for path in self.files))

    def __len__(self) -> int:
        return len(self.places)

    def jpeg(self, index: int) -> bytes:
        place = self.places[index]
        return os.pread(self._handles[place.file], place.size, place.offset)

    def batch(self, indices: Indices) -> Tensor:
        size = self.preprocess.size
        out = np.empty((len(indices), size, size, 3), np.uint8)
        for row, pixels in zip(out, self._pool.map(self._decode, indices.tolist()), strict=True):
            row[:] = pixels
        return torch.from_numpy(out).permute(0, 3, 1, 2)  # channels stay last in memory: nothing is transposed

    def close(self) -> None:
        self._pool.shutdown()
        for handle in self._handles:
            os.close(handle)

    def _decode(self, index: int) -> Pixels:
        return self.preprocess.pixels(decode_jpeg(self.jpeg(index), self.preprocess.size))


def decode_jpeg(data: bytes, size: int) -> Image.Image:
    """An RGB picture; a JPEG far larger than ``size`` is decoded at a half, a quarter or an eighth of its size."""
    image = Image.open(io.BytesIO(data))
    scale = GAP * size / max(image.size)
    image.draft("RGB", (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    return image


def open_shards(
    store: ArtifactStore, shards: Sequence[Shard], folder: Path, preprocess: Preprocess, threads: int
) -> tuple[tuple[str, ...], Shards]:
    """Pair ids, sorted whatever blocks they lie in, and their pictures. Raises `ArtifactMissing`, `ArtifactCorrupt`."""
    files, found = list[Path](), list[tuple[str, Place]]()
    for number, shard in enumerate(shards):
        path = folder / f"{shard.ref.sha256}.tar"
        if not path.exists():
            store.fetch(shard.ref, path)
        files.append(path)
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".jpg") and shard.holds(member.name):
                    found.append((member.name.removesuffix(".jpg"), Place(number, member.offset_data, member.size)))
    found.sort(key=lambda each: each[0])
    places = tuple(place for _, place in found)
    return tuple(name for name, _ in found), Shards(tuple(files), places, preprocess, threads)


def in_memory_if_small(pictures: Shards, budget: int) -> Pictures:
    """The same pictures, decoded once where they fit ``budget`` bytes."""
    if len(pictures) * 3 * pictures.preprocess.size**2 > budget:
        return pictures
    decoded = InMemory(pictures.batch(np.arange(len(pictures), dtype=np.int64)).contiguous())
    pictures.close()
    return decoded
