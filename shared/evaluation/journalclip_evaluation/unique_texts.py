"""SeLIP's retrieval protocol: every test volume against all unique texts of the test set, Top-1 to Top-10.

An answer is right by its text, whichever pair it comes from. The other direction, which the paper does not print, asks
each unique text for any volume that has it. Ties stand in random order, as everywhere (`ranking`). Intervals are over
patients; a text that several patients share is a group of its own when it is the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from journalclip_evaluation.bootstrap import Groups, interval
from journalclip_evaluation.counting import TIE, Floats, Ints, count
from journalclip_evaluation.errors import EmbeddingsUnusable
from journalclip_evaluation.ranking import Doubles, Ranks
from journalclip_shared.records import Document

TOP = tuple(range(1, 11))
Interval = tuple[float, float]


@dataclass(frozen=True)
class TextedVolumes:
    """N volumes with their texts; vectors float32 [N, D], unit length."""

    images: Floats
    texts: Floats
    text_keys: Sequence[str]  # equal where the text is
    patients: Sequence[str]


class TopK(Document):
    """One direction. ``top[k - 1]`` is the share of queries with a right answer among the first k, 0 to 1."""

    top: tuple[float, ...]
    intervals: tuple[Interval, ...] = Field(description="95 %, by bootstrap over patients.")
    chance: tuple[float, ...]
    queries: int = Field(gt=0)
    pool: int = Field(gt=0)
    groups: int = Field(gt=0)


class UniqueTextRetrieval(Document):
    """Both directions."""

    image_to_text: TopK
    text_to_image: TopK


def unique_text_ranks(pairs: TextedVolumes) -> tuple[Ranks, Ranks, Ints]:
    """Ranks of every volume over the unique texts, of every unique text over the volumes, and each volume's text.

    Raises `EmbeddingsUnusable` for vectors that are not finite.
    """
    if not (np.isfinite(pairs.images).all() and np.isfinite(pairs.texts).all()):
        raise EmbeddingsUnusable("some vectors are not finite")
    number: dict[str, int] = {}
    text = np.array([number.setdefault(key, len(number)) for key in pairs.text_keys], np.int64)
    first = np.unique(text, return_index=True)[1]
    unique = pairs.texts[first]
    own = np.einsum("nd,nd->n", pairs.images, unique[text]).astype(np.float32)
    counts = count(pairs.images, unique, own)
    ones = np.ones(len(text), np.int64)
    by_image = Ranks(counts.above, np.maximum(counts.level, 1), ones, ones, len(unique))
    best = np.full(len(unique), -np.inf, np.float32)
    np.maximum.at(best, text, own)
    right = np.bincount(text, own >= best[text] - np.float32(TIE), len(unique)).astype(np.int64)
    counts = count(unique, pairs.images, best)
    positives = np.bincount(text, minlength=len(unique)).astype(np.int64)
    by_text = Ranks(counts.above, np.maximum(counts.level, right), right, positives, len(text))
    return by_image, by_text, text


def unique_text_retrieval(pairs: TextedVolumes) -> UniqueTextRetrieval:
    """Raises `EmbeddingsUnusable` as `unique_text_ranks`."""
    by_image, by_text, text = unique_text_ranks(pairs)
    owners: dict[int, set[str]] = {}
    for number, patient in zip(text.tolist(), pairs.patients, strict=True):
        owners.setdefault(number, set()).add(patient)
    asked = [next(iter(owners[n])) if len(owners[n]) == 1 else f"shared text {n}" for n in range(len(owners))]
    return UniqueTextRetrieval(
        image_to_text=_direction(by_image, Groups.of(list(pairs.patients))),
        text_to_image=_direction(by_text, Groups.of(asked)),
    )


def _direction(ranks: Ranks, groups: Groups) -> TopK:
    hits: Doubles = np.stack([ranks.hits(k) for k in TOP], axis=1)
    return TopK(
        top=tuple(hits.mean(0).tolist()), intervals=tuple(interval(hits, groups)),
        chance=tuple(ranks.chance(k) for k in TOP),
        queries=len(ranks), pool=ranks.pool, groups=groups.count,
    )  # fmt: skip
