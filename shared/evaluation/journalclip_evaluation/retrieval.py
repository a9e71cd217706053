"""Image-text retrieval both ways: recall@k, median rank and MRR, with pool size, chance and intervals by article.

Strict figures accept only the pair's own counterpart; multi-positive figures also accept the same picture or the same
wording elsewhere in the pool. Both come with the pool that was searched, because recall@k means nothing without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field

from journalclip_evaluation.bootstrap import TOO_FEW, Difference, Groups, difference, interval
from journalclip_evaluation.counting import TIE, Floats, Ints, Rows, count, count_both
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.errors import EmbeddingsUnusable
from journalclip_evaluation.ranking import Doubles, Ranks
from journalclip_shared.records import Document

Side = Literal["image_to_text", "text_to_image"]
SIDES: tuple[Side, Side] = ("image_to_text", "text_to_image")
Metric = Literal["r1", "r5", "r10", "mrr"]
METRICS: tuple[Metric, ...] = ("r1", "r5", "r10", "mrr")
Interval = tuple[float, float]

_CHUNK = 4096


class Direction(Document):
    """One direction; shares between 0 and 1, intervals at 95 % by bootstrap over articles."""

    r1: float
    r5: float
    r10: float
    r1_ci: Interval
    r5_ci: Interval
    r10_ci: Interval
    median_rank: float
    mrr: float
    mrr_ci: Interval
    queries: int = Field(gt=0)
    articles: int = Field(gt=0)
    pool: int = Field(gt=0)
    chance1: float
    chance5: float
    chance10: float


class Retrieval(Document):
    """Both directions."""

    image_to_text: Direction
    text_to_image: Direction


@dataclass(frozen=True)
class Ranked:
    """Every query's ranks in both directions: what figures, intervals and paired tests are computed from."""

    pair_ids: tuple[str, ...]
    articles: tuple[str, ...]
    modalities: tuple[str, ...]
    strict: Mapping[Side, Ranks]
    multi: Mapping[Side, Ranks]


def rank(pairs: EmbeddedPairs, queries: Ints | None = None) -> Ranked:
    """Rank the whole pool for every pair (or those of ``queries``), both ways.

    Raises `EmbeddingsUnusable` for vectors that are not finite.
    """
    own = own_scores(pairs.images, pairs.texts)
    rows = np.arange(len(pairs)) if queries is None else queries
    images, texts = (side if queries is None else take(side, rows) for side in (pairs.images, pairs.texts))
    if queries is None:
        counts = count_both(pairs.images, pairs.texts, own, own)
    else:
        counts = count(images, pairs.texts, own[rows]), count(texts, pairs.images, own[rows])
    ones = np.ones(len(rows), np.int64)
    strict = {
        side: Ranks(each.above, np.maximum(each.level, 1), ones, ones, len(pairs))
        for side, each in zip(SIDES, counts, strict=True)
    }
    several = pairs.several(rows)
    multi: dict[Side, Ranks] = {
        "image_to_text": _with_several(strict["image_to_text"], rows, images, pairs.texts, several),
        "text_to_image": _with_several(strict["text_to_image"], rows, texts, pairs.images, several),
    }
    pair_ids, articles, modalities = (
        tuple(each[row] for row in rows) for each in (pairs.pair_ids, pairs.articles, pairs.modalities)
    )
    return Ranked(pair_ids, articles, modalities, strict, multi)


def summarise(ranked: Ranked, multi: bool = False) -> Retrieval:
    """The figures of all queries."""
    return _summary(ranked, np.arange(len(ranked.pair_ids)), multi)


def by_modality(ranked: Ranked, multi: bool = False) -> dict[str, Retrieval]:
    """Figures of each modality's queries, against the whole pool."""
    names = np.asarray(ranked.modalities)
    return {str(name): _summary(ranked, np.flatnonzero(names == name), multi) for name in np.unique(names)}


def compare(before: Ranked, after: Ranked, metric: Metric, multi: bool = False, least: int = TOO_FEW) -> Difference:
    """Paired difference of the mean of both directions, over the queries of one dataset split.

    ``least`` sources have an interval. Raises `EmbeddingsUnusable` where the two were not measured on the same pairs.
    """
    if before.pair_ids != after.pair_ids:
        raise EmbeddingsUnusable("the two models were not evaluated on the same pairs")
    old, new = (_both_ways(ranked, metric, multi) for ranked in (before, after))
    return difference(old, new, Groups.of(before.articles), least=least)


def by_pair(ranked: Ranked) -> Ranked:
    """The same ranks with each pair as a source of its own: intervals then say nothing of other articles."""
    return replace(ranked, articles=ranked.pair_ids)


def both_ways(ranked: Ranked, metric: Metric, multi: bool = False) -> float:
    """The metric, mean of both directions."""
    return float(_both_ways(ranked, metric, multi).mean())


def query_values(ranks: Ranks, metric: Metric) -> Doubles:
    """The metric's contribution of each query."""
    return ranks.reciprocal() if metric == "mrr" else ranks.hits(int(metric[1:]))


def own_scores(images: Rows, texts: Rows) -> Floats:
    """Score of each pair's own image and text, float32 [N]."""
    parts = []
    for start in range(0, images.shape[0], _CHUNK):
        rows = slice(start, start + _CHUNK)
        parts.append(np.einsum("nd,nd->n", images[rows], texts[rows]))
    own = np.concatenate(parts).astype(np.float32)
    if not np.isfinite(own).all():
        raise EmbeddingsUnusable(f"{int((~np.isfinite(own)).sum())} of {len(own)} pairs have no finite score")
    return own


def take(vectors: Rows, rows: Ints) -> Floats:
    """Some rows, also of a file: [len(rows), D]."""
    if isinstance(vectors, np.ndarray):
        return np.asarray(vectors[rows])
    return np.concatenate([vectors[slice(row, row + 1)] for row in rows])


def _with_several(strict: Ranks, rows: Ints, queries: Rows, gallery: Rows, several: Mapping[int, Ints]) -> Ranks:
    """As ``strict``, with the queries of ``several`` (keyed by their row in the pool) ranked by their best answer."""
    if not several:
        return strict
    places = np.searchsorted(rows, np.fromiter(several, np.int64, len(several)))
    vectors = take(queries, places)
    best, right = np.empty(len(places), np.float32), np.empty(len(places), np.int64)
    for place, (vector, answers) in enumerate(zip(vectors, several.values(), strict=True)):
        scores = take(gallery, answers) @ vector
        best[place] = scores.max()
        right[place] = np.count_nonzero(scores >= best[place] - np.float32(TIE))
    counts = count(vectors, gallery, best)
    above, level, rights, positives = (
        column.copy() for column in (strict.above, strict.level, strict.right, strict.positives)
    )
    above[places], rights[places] = counts.above, right
    level[places] = np.maximum(counts.level, right)
    positives[places] = [len(answers) for answers in several.values()]
    return Ranks(above, level, rights, positives, strict.pool)


def _both_ways(ranked: Ranked, metric: Metric, multi: bool) -> Doubles:
    ranks = ranked.multi if multi else ranked.strict
    return np.asarray(np.mean([query_values(ranks[side], metric) for side in SIDES], axis=0))


def _summary(ranked: Ranked, rows: Ints, multi: bool) -> Retrieval:
    groups = Groups.of([ranked.articles[row] for row in rows])
    ranks = ranked.multi if multi else ranked.strict
    image_to_text, text_to_image = (direction(ranks[side].take(rows), groups) for side in SIDES)
    return Retrieval(image_to_text=image_to_text, text_to_image=text_to_image)


def direction(ranks: Ranks, groups: Groups) -> Direction:
    """The figures of one direction, with intervals over ``groups``."""
    values = np.stack([query_values(ranks, metric) for metric in METRICS], axis=1)
    (r1, r5, r10, mrr), intervals = values.mean(0).tolist(), interval(values, groups)
    return Direction(
        r1=r1, r5=r5, r10=r10, r1_ci=intervals[0], r5_ci=intervals[1], r10_ci=intervals[2],
        median_rank=float(np.median(ranks.rank())), mrr=mrr, mrr_ci=intervals[3],
        queries=len(ranks), articles=groups.count, pool=ranks.pool,
        chance1=ranks.chance(1), chance5=ranks.chance(5), chance10=ranks.chance(10),
    )  # fmt: skip
