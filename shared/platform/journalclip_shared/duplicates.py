"""Near-duplicate images: clusters of 64-bit perceptual hashes that lie within a Hamming distance, joined transitively.

Exact: every pair within the distance is found, none beyond it is joined. Instead of comparing all pairs, hashes are cut
into bands and looked up by band (multi-index hashing, Norouzi et al. 2012): two hashes within ``distance`` agree in one
of the bands up to ``distance // bands`` bits. A million hashes take a minute. The result does not depend on the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from journalclip_shared.components import components

BITS = 64
NEAR = 4  # measured: docs/benchmarks/duplicates.md has recall under noise and false joins by distance
_BANDS = 4  # of 16 bits: 65,536 buckets a band keep the buckets of 100,000 hashes short
_BAND_BITS = BITS // _BANDS
_ROWS, _COMPARED = 1 << 18, 1 << 21  # values, and comparisons, at a time: tens of MiB

FEATURELESS = "0" * (BITS // 4)
"""The hash of an image without structure (blank, one colour): alike in nothing, so it joins no cluster."""


@dataclass(frozen=True)
class Hashed:
    """Something with an image; ``phash`` is 16 hexadecimal digits."""

    id: str
    phash: str


def hamming(first: str, second: str) -> int:
    """Number of bits in which two hashes differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def cluster(items: Sequence[Hashed], distance: int = NEAR) -> list[set[str]]:
    """Clusters of two ids or more, in order of their smallest id. Raises ValueError for a hash of another form."""
    ids: dict[int, list[str]] = defaultdict(list)
    for item in items:
        if item.phash != FEATURELESS:
            ids[number_of(item.phash)].append(item.id)
    joined = components(ids, near_values(np.array(sorted(ids), np.uint64), distance))
    groups = ({each for value in group for each in ids[value]} for group in joined)
    return sorted((group for group in groups if len(group) > 1), key=min)


def number_of(phash: str) -> int:
    """Raises ValueError for a hash of another form."""
    if len(phash) != BITS // 4:
        raise ValueError(f"not a perceptual hash: {phash!r}")
    return int(phash, 16)


def near_values(values: npt.NDArray[np.uint64], distance: int = NEAR) -> Iterator[tuple[int, int]]:
    """Each pair of different values within ``distance``, at least once. Memory: some 40 bytes a value."""
    masks = [mask for bits in range(distance // _BANDS + 1) for mask in _masks(bits)]
    for band in range(_BANDS):
        keys = (values >> np.uint64(band * _BAND_BITS) & np.uint64((1 << _BAND_BITS) - 1)).astype(np.intp)
        order = np.argsort(keys, kind="stable")
        sorted_values, sorted_keys = values[order], keys[order]
        bounds = np.searchsorted(sorted_keys, np.arange((1 << _BAND_BITS) + 1))
        sizes = np.diff(bounds)
        for mask in masks:
            others = sorted_keys ^ mask  # the bucket that each value is compared with
            for start in range(0, len(values), _ROWS):
                other = others[start : start + _ROWS]
                yield from _within(sorted_values, start, bounds[other], sizes[other], distance)


def _within(
    values: npt.NDArray[np.uint64],
    start: int,
    first: npt.NDArray[np.intp],
    sizes: npt.NDArray[np.intp],
    distance: int,
) -> Iterator[tuple[int, int]]:
    """Of the values from ``start`` on, those near to one of ``sizes`` values from ``first`` on, the smaller first."""
    ends = np.cumsum(sizes)
    done = 0
    while done < len(sizes):  # buckets of like values may be long: so many comparisons at a time
        so_far = int(ends[done - 1]) if done else 0
        until = max(done + 1, int(np.searchsorted(ends, so_far + _COMPARED, "right")))
        some = sizes[done:until]
        rows = np.repeat(np.arange(done, until), some)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(some) - some, some) + first[rows]
        one, other = values[start + rows], values[places]
        found = (one < other) & (np.bitwise_count(one ^ other) <= distance)
        yield from zip(one[found].tolist(), other[found].tolist(), strict=True)
        done = until


def _masks(bits: int) -> Iterable[int]:
    """All band-wide numbers with that many bits set."""
    return (sum(1 << place for place in places) for places in combinations(range(_BAND_BITS), bits))
