"""Which split a pair belongs to: by article, then whole duplicate clusters move together.

Articles that share an image, a near-duplicate or altered copy of one, or a long caption are joined into one cluster.
A cluster's split is a hash of its smallest article id, so an article keeps its side as the corpus grows (a champion
is never tested on what it was trained on), unless a later duplicate joins two clusters. Shorter captions such as
"Axial view" recur by chance and would join everything; they do not join, and instead a pair whose caption also stands
in another split leaves val and test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from journalclip_shared.components import components
from journalclip_shared.pairtable import PairTable
from journalclip_shared.records.dataset import Split

LONG_CAPTION_WORDS = 20  # fewer words than this repeat between unrelated articles; see the module's docstring
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class SplitShares:
    """Shares of articles; the rest trains."""

    val: float = 0.1
    test: float = 0.15


def assign(pairs: PairTable, shares: SplitShares, seed: int) -> int:
    """Put every pair on its side; how many were dropped for their caption. Deterministic in the set of pairs."""
    clusters = components(pairs.articles(), pairs.links(LONG_CAPTION_WORDS))
    pairs.put_sides(sides(clusters, shares, seed))
    return pairs.drop_shared_captions()


def sides(clusters: Sequence[Sequence[str]], shares: SplitShares, seed: int) -> dict[str, Split]:
    """The split of every member, by a hash of its cluster's first."""
    ranked = sorted((_unit_hash(members[0], seed), members) for members in clusters)
    sides: dict[str, Split] = {}
    for position, (value, members) in enumerate(ranked):
        sides.update(dict.fromkeys(members, _side(value, position, len(ranked), shares)))
    return sides


def _side(value: float, position: int, clusters: int, shares: SplitShares) -> Split:
    # A handful of articles may hash to no test or val at all; then the lowest ranks are taken, from three clusters on.
    if value < shares.test or (position == 0 and clusters >= 3 and shares.test > 0):
        return "test"
    if value < shares.test + shares.val or (position == 1 and clusters >= 3 and shares.val > 0):
        return "val"
    return "train"


def _unit_hash(text: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
