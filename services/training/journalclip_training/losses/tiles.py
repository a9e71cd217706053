"""The N x N matrix of a batch in square tiles, so that each is small enough for a cache and large enough for a product.

Where both a tile's rows and its columns are this rank's, tile (I, J) and its mirror image (J, I) are one `Tile`: what
is symmetric is computed once for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

# A float32 tile of 4 MiB stays in a core's share of cache through a dozen operations; a GPU wants larger products.
SIDES = {"cpu": 1024, "cuda": 4096}
_DIGITS = 1e-30  # below it, a float32 sum of exponentials has lost its small terms


@dataclass(frozen=True)
class Tile:
    """Places in the global batch; ``mirrored`` tiles stand for (J, I) too, and are never on the diagonal."""

    rows: slice
    columns: slice
    mirrored: bool

    @property
    def diagonal(self) -> bool:
        return self.rows == self.columns


def tiles(mine: slice, total: int, side: int) -> Iterator[Tile]:
    """Rows of ``mine`` against all columns: each cell, or the mirror image of a cell of ``mine``, in one tile."""
    own = list(_cut(mine.start, mine.stop, side))
    for i, rows in enumerate(own):
        for columns in own[i:]:
            yield Tile(rows, columns, mirrored=rows != columns)
        for columns in (*_cut(0, mine.start, side), *_cut(mine.stop, total, side)):
            yield Tile(rows, columns, mirrored=False)


def side_for(device: torch.device) -> int:
    return SIDES.get(device.type, 1024)


def log_sums(s: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    """log-sum-exp of ``s`` by row and by column, with one exponential a cell where the range allows; uses ``out``."""
    top = s.max()
    cells = torch.sub(s, top, out=out).exp_()
    rows, columns = cells.sum(1), cells.sum(0)
    if torch.minimum(rows.min(), columns.min()) >= _DIGITS:  # false for NaN, too: all cells -inf
        return rows.log_().add_(top), columns.log_().add_(top)
    return s.logsumexp(1), s.logsumexp(0)


def _cut(start: int, stop: int, side: int) -> Iterator[slice]:
    for a in range(start, stop, side):
        yield slice(a, min(a + side, stop))
