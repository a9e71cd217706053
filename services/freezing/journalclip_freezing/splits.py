"""Which split a pair belongs to: by article, then whole duplicate clusters move together.

Articles that share an image, a near-duplicate or altered copy of one, or a long caption are joined into one cluster.
A cluster's split is a hash of its smallest article id, so an article keeps its side as the corpus grows (a champion
is never tested on what it was trained on), unless a later duplicate joins two clusters. Shorter captions such as
"Axial view" recur by chance and would join everything; they do not join, and instead a pair whose caption also stands
in another split leaves val and test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from journalclip_shared.components import components
from journalclip_shared.duplicates import Hashed
from journalclip_shared.fingerprints import Printed
from journalclip_shared.leaks import alike, leak_report, normalised
from journalclip_shared.records.dataset import LeakReport, Split
from journalclip_shared.records.pair import Pair

LONG_CAPTION_WORDS = 20  # fewer words than this repeat between unrelated articles; see the module's docstring
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class SplitShares:
    """Shares of articles; the rest trains."""

    val: float = 0.1
    test: float = 0.15


@dataclass(frozen=True)
class Assignment:
    """The outcome: pairs by split, how many were dropped and why, and the proof that nothing leaks."""

    splits: dict[Split, list[Pair]]
    dropped: dict[str, int]
    leaks: LeakReport


def assign(pairs: Sequence[Pair], shares: SplitShares, seed: int) -> Assignment:
    """Deterministic in the set of pairs, whatever their order."""
    ordered = sorted(pairs, key=lambda pair: pair.pair_id)
    found = alike(
        [Hashed(pair.pair_id, pair.phash) for pair in ordered if pair.phash],
        [Printed(pair.pair_id, pair.fingerprint) for pair in ordered if pair.fingerprint],
    )
    side_of = sides(_clusters(ordered, [*found.near, *found.altered]), shares, seed)
    splits: dict[Split, list[Pair]] = {split: [] for split in SPLITS}
    for pair in ordered:
        splits[side_of[pair.article_id]].append(pair)
    dropped = _drop_shared_captions(splits)
    return Assignment(splits, {"caption-in-other-split": dropped} if dropped else {}, leak_report(splits, found))


def _clusters(pairs: Sequence[Pair], near: Iterable[Set[str]]) -> list[list[str]]:
    article_of = {pair.pair_id: pair.article_id for pair in pairs}
    links = [(article_of[min(alike)], article_of[each]) for alike in near for each in alike]
    by_content: dict[str, str] = {}
    for pair in pairs:
        keys = [pair.image.sha256]
        caption = normalised(pair.text)
        if len(caption.split()) >= LONG_CAPTION_WORDS:
            keys.append(caption)
        links.extend((pair.article_id, by_content.setdefault(key, pair.article_id)) for key in keys)
    return components({pair.article_id for pair in pairs}, links)


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


def _drop_shared_captions(splits: dict[Split, list[Pair]]) -> int:
    seen: set[str] = {normalised(pair.text) for pair in splits["train"]}
    dropped = 0
    for split in ("val", "test"):
        kept = [pair for pair in splits[split] if normalised(pair.text) not in seen]
        dropped += len(splits[split]) - len(kept)
        splits[split] = kept
        seen.update(normalised(pair.text) for pair in kept)
    return dropped
