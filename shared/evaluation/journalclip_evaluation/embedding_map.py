"""What a report shows of the vectors themselves, kept beside the figures so that no report needs the model again.

Two things: a map of the split (pictures and captions on two principal components), and the telling retrievals, the best
and the worst, each from an article of its own, with what came first in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from journalclip_evaluation.counting import Floats, Ints, Rows
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.retrieval import Ranked, own_scores, take
from journalclip_shared.records import Document

CASES = 6  # of each kind: one screen
_FIRST = 3  # what came first for each query
_MAP_POINTS = 1500  # more are a blot at a report's size
_CHUNK = 8192
Place = tuple[float, float]


class Case(Document):
    """One pair as query in both directions; what came first are pair ids, best first."""

    pair_id: str
    article_id: str
    rank_of_caption: float
    rank_of_picture: float
    captions: tuple[str, ...]
    pictures: tuple[str, ...]


class EmbeddingMap(Document):
    """``images`` and ``texts`` of the same pairs; each tower is centred on its own mean, or the gap would hide all."""

    images: tuple[Place, ...]
    texts: tuple[Place, ...]
    modalities: tuple[str, ...]
    gap: float
    explained: Place


class Sketch(Document):
    """Everything that a report draws and no figure says."""

    map: EmbeddingMap
    best: tuple[Case, ...]
    worst: tuple[Case, ...]


def sketch(pairs: EmbeddedPairs, ranked: Ranked) -> Sketch:
    """``ranked`` holds all pairs of the split."""
    best, worst = choose(ranked, own_scores(pairs.images, pairs.texts), CASES)
    cases = _cases(pairs, ranked, np.concatenate([best, worst]))
    return Sketch(map=_map(pairs), best=cases[: len(best)], worst=cases[len(best) :])


def choose(ranked: Ranked, own: Floats, count: int) -> tuple[Ints, Ints]:
    """Rows of the best and of the worst picture queries: by rank, then by the pair's own score."""
    ranks = ranked.strict["image_to_text"].rank()
    order = np.lexsort((-own, ranks))
    half = order[: (len(order) + 1) // 2], order[(len(order) + 1) // 2 :][::-1]  # no pair is both
    best, worst = (_spread(rows, ranked.articles, count) for rows in half)
    return best, worst


def _spread(order: Ints, articles: Sequence[str], count: int) -> Ints:
    chosen: dict[str, int] = {}
    for row in order:
        chosen.setdefault(articles[row], int(row))
        if len(chosen) == count:
            break
    return np.asarray(list(chosen.values()), np.int64)


def _cases(pairs: EmbeddedPairs, ranked: Ranked, rows: Ints) -> tuple[Case, ...]:
    captions = _nearest(take(pairs.images, rows), pairs.texts)
    pictures = _nearest(take(pairs.texts, rows), pairs.images)
    ranks = [ranked.strict[side].rank() for side in ("image_to_text", "text_to_image")]
    return tuple(
        Case(
            pair_id=pairs.pair_ids[row],
            article_id=pairs.articles[row],
            rank_of_caption=float(ranks[0][row]),
            rank_of_picture=float(ranks[1][row]),
            captions=tuple(pairs.pair_ids[found] for found in captions[place]),
            pictures=tuple(pairs.pair_ids[found] for found in pictures[place]),
        )
        for place, row in enumerate(rows)
    )


def _nearest(queries: Floats, gallery: Rows) -> Ints:
    """Rows of the first few of the gallery for each query: [N, 3]; of level ones, the earlier."""
    found: Ints = np.zeros((len(queries), 0), np.int64)
    scores: Floats = np.zeros((len(queries), 0), np.float32)
    for start in range(0, gallery.shape[0], _CHUNK):
        block = gallery[slice(start, start + _CHUNK)]
        scores = np.concatenate([scores, queries @ block.T], axis=1)
        found = np.concatenate([found, np.tile(np.arange(start, start + len(block)), (len(queries), 1))], axis=1)
        first = np.argsort(-scores, axis=1, kind="stable")[:, :_FIRST]
        scores, found = np.take_along_axis(scores, first, 1), np.take_along_axis(found, first, 1)
    return found


def _map(pairs: EmbeddedPairs) -> EmbeddingMap:
    rows = np.unique(np.linspace(0, len(pairs) - 1, min(len(pairs), _MAP_POINTS)).astype(np.int64))
    images, texts = take(pairs.images, rows), take(pairs.texts, rows)
    both = np.concatenate([images - images.mean(0), texts - texts.mean(0)])
    pca = PCA(min(2, *both.shape), svd_solver="full")
    places = pca.fit_transform(both)
    return EmbeddingMap(
        images=_places(places[: len(rows)]),
        texts=_places(places[len(rows) :]),
        modalities=tuple(pairs.modalities[row] for row in rows),
        gap=round(float(np.linalg.norm(images.mean(0) - texts.mean(0))), 4),
        explained=_places(np.nan_to_num(pca.explained_variance_ratio_)[None])[0],  # all points in one place: 0/0
    )


def _places(found: NDArray[np.float32]) -> tuple[Place, ...]:
    """Four digits are below a pixel; one column (a model of one dimension) gets a second of zeros."""
    wide = np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in wide)
