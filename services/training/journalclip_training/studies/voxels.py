"""The voxels of studies, by number: in memory, or read by position from shards, so that memory knows no archive's size.

Shards are fetched once to the local disk and indexed by byte offset. A batch's volumes are read and unpacked by a pool
of threads (decompression frees the interpreter). A study or unit has S cells, one a sequence; an absent one is zero.
"""

from __future__ import annotations

import os
import tarfile
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from journalclip_modeling.studies.data import unpacked
from journalclip_modeling.studies.encoder import GridMismatch
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.frozen import Shard

Grid = tuple[int, int, int]


class Voxels(Protocol):
    """uint8 [N, S, Z, H, W], of which some studies are read at a time; a tensor is one."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Tensor:
        """uint8 [B, S, Z, H, W] of the studies ``rows``: numbers int64 [B], or a slice."""
        ...


@dataclass(frozen=True)
class ShardVoxels:
    """Volumes inside local tar files. ``cells`` int64 [N, S, 3] says file, offset and size; size 0 is an absent one."""

    files: tuple[Path, ...]
    cells: NDArray[np.int64]
    grid: Grid
    threads: int = 2
    _pool: ThreadPoolExecutor = field(init=False, repr=False)
    _handles: tuple[int, ...] = field(init=False, repr=False)
    _end: weakref.finalize[[ThreadPoolExecutor, tuple[int, ...]], ShardVoxels] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="volumes")
        handles = tuple(os.open(path, os.O_RDONLY) for path in self.files)
        object.__setattr__(self, "_pool", pool)
        object.__setattr__(self, "_handles", handles)
        object.__setattr__(self, "_end", weakref.finalize(self, _close, pool, handles))  # a service opens many

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.cells.shape[:2], *self.grid)

    @property
    def present(self) -> Tensor:
        """bool [N, S]."""
        return torch.from_numpy(self.cells[:, :, 2] > 0)

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, rows: Tensor | slice, /) -> Tensor:
        """Raises `GridMismatch` for a volume of another grid."""
        cells = self.cells[rows.numpy() if isinstance(rows, Tensor) else rows]
        out = np.zeros((*cells.shape[:2], *self.grid), np.uint8)
        wanted = np.argwhere(cells[:, :, 2] > 0)
        found = self._pool.map(self._read, [cells[n, s] for n, s in wanted])
        for (n, s), volume in zip(wanted, found, strict=True):
            out[n, s] = volume
        return torch.from_numpy(out)

    def units(self, owner: Tensor, sequence: Tensor) -> ShardVoxels:
        """One cell each, as units of their own: [P, 1, Z, H, W]."""
        return ShardVoxels(self.files, self.cells[owner.numpy(), sequence.numpy()][:, None], self.grid, self.threads)

    def some(self, rows: Tensor) -> ShardVoxels:
        """Some studies, in the order of ``rows``; nothing is read."""
        return ShardVoxels(self.files, self.cells[rows.numpy()], self.grid, self.threads)

    def close(self) -> None:
        """Nothing can be read afterwards; what `some` and `units` gave has files of its own."""
        self._end()

    def _read(self, cell: NDArray[np.int64]) -> NDArray[np.uint8]:
        file, offset, size = (int(each) for each in cell)
        volume = unpacked(os.pread(self._handles[file], size, offset))
        if volume.shape != self.grid:
            raise GridMismatch(volume.shape, self.grid)
        return volume


def _close(pool: ThreadPoolExecutor, handles: tuple[int, ...]) -> None:
    pool.shutdown()
    for handle in handles:
        os.close(handle)


def open_volumes(
    store: ArtifactStore,
    shards: Sequence[Shard],
    folder: Path,
    wanted: Sequence[tuple[str, Sequence[str]]],
    grid: Grid,
    threads: int,
) -> ShardVoxels:
    """The cells of ``wanted`` (a study's id, its S sequences' names), in that order.

    A shard that is listed twice is fetched once. Raises `ArtifactMissing`, `ArtifactCorrupt`.
    """  # fmt: skip
    files: dict[Path, int] = {}
    places: dict[tuple[str, str], tuple[int, int, int]] = {}
    for shard in shards:
        path = folder / f"{shard.ref.sha256}.tar"
        if path in files:
            continue
        if not path.exists():
            store.fetch(shard.ref, path)
        number = files[path] = len(files)
        with tarfile.open(path) as tar:
            for member in tar:
                study, sequence = member.name.split(".")[:2]
                if shard.holds(member.name):
                    places[study, sequence] = number, member.offset_data, member.size
    absent = (0, 0, 0)
    cells = [[places.get((study, name), absent) for name in names] for study, names in wanted]
    width = len(wanted[0][1]) if wanted else 0
    return ShardVoxels(tuple(files), np.array(cells, np.int64).reshape(len(wanted), width, 3), grid, threads)


def units_of(voxels: Voxels, owner: Tensor, sequence: Tensor) -> Voxels:
    """[P, 1, Z, H, W]: one cell each of ``voxels``."""
    if isinstance(voxels, ShardVoxels):
        return voxels.units(owner, sequence)
    if isinstance(voxels, Tensor):
        return voxels[owner, sequence][:, None]
    raise TypeError(f"{type(voxels).__name__} has no cells to choose")


def some_of(voxels: Voxels, rows: Tensor) -> Voxels:
    """The studies ``rows`` of ``voxels``, in memory where those are."""
    return voxels.some(rows) if isinstance(voxels, ShardVoxels) else voxels[rows]


def in_memory_if_small(voxels: ShardVoxels, budget: int) -> Voxels:
    """The same voxels, read once where they fit ``budget`` bytes."""
    if int(np.prod(voxels.shape)) > budget:
        return voxels
    held = voxels[slice(None)]
    voxels.close()
    return held
