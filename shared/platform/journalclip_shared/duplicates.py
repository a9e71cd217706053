"""Near-duplicate images: clusters of 64-bit perceptual hashes that lie within a Hamming distance, joined transitively.

Exact: every pair within the distance is found, none beyond it is joined. Instead of comparing all pairs, hashes are cut
into bands and looked up by band (multi-index hashing, Norouzi et al. 2012): two hashes within ``distance`` agree in one
of the bands up to ``distance // bands`` bits. 100,000 hashes take seconds. The result does not depend on the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from journalclip_shared.components import components

BITS = 64
NEAR = 4  # measured: docs/benchmarks/duplicates.md has recall under noise and false joins by distance
_BANDS = 4  # of 16 bits: 65,536 buckets a band keep the buckets of 100,000 hashes short
_BAND_BITS = BITS // _BANDS

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
            ids[_number(item.phash)].append(item.id)
    joined = components(ids, _near_pairs(sorted(ids), distance))
    groups = ({each for value in group for each in ids[value]} for group in joined)
    return sorted((group for group in groups if len(group) > 1), key=min)


def _number(phash: str) -> int:
    if len(phash) != BITS // 4:
        raise ValueError(f"not a perceptual hash: {phash!r}")
    return int(phash, 16)


def _near_pairs(values: Sequence[int], distance: int) -> Iterator[tuple[int, int]]:
    """Each pair of different values within ``distance``, at least once."""
    masks = [mask for bits in range(distance // _BANDS + 1) for mask in _masks(bits)]
    for band in range(_BANDS):
        buckets: dict[int, list[int]] = defaultdict(list)
        for value in values:
            key = value >> (band * _BAND_BITS) & ((1 << _BAND_BITS) - 1)
            for mask in masks:
                for other in buckets.get(key ^ mask, ()):
                    if (value ^ other).bit_count() <= distance:
                        yield other, value
            buckets[key].append(value)


def _masks(bits: int) -> Iterable[int]:
    """All band-wide numbers with that many bits set."""
    return (sum(1 << place for place in places) for places in combinations(range(_BAND_BITS), bits))
