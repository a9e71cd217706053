"""The map of a collection: every image vector as a point of the unit square, neighbours near each other.

t-SNE of a sample lays the map out; every other row is put among its nearest sampled neighbours. The layout is for
browsing: distances on the map are not similarities, and the page says so.
"""

from __future__ import annotations

import numpy as np

from journalclip_inference.index.vectors import Vectors

_LAID_OUT = 4000  # rows given to t-SNE: half a minute on one core; more points would overlap on a screen anyway
_NEIGHBOURS = 5
_CHUNK = 4096
_ENOUGH = 5  # t-SNE needs more points than its perplexity; below this a line will do


def project(vectors: Vectors, seed: int = 0) -> Vectors:
    """float32 [N, 2] in 0 to 1, the same for the same vectors."""
    if len(vectors) < _ENOUGH:
        return np.stack([np.linspace(0, 1, len(vectors)), np.full(len(vectors), 0.5)], axis=1).astype(np.float32)
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(vectors), min(len(vectors), _LAID_OUT), replace=False))
    anchors = np.ascontiguousarray(vectors[sample])
    points = _unit_square(_tsne(anchors, seed))
    if len(sample) == len(vectors):
        return points
    placed = np.concatenate([_place(vectors[i : i + _CHUNK], anchors, points) for i in range(0, len(vectors), _CHUNK)])
    return placed.astype(np.float32)


def _tsne(vectors: Vectors, seed: int) -> Vectors:
    from sklearn.manifold import TSNE  # a second to import, and only building a map needs it

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    layout = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, max_iter=500, n_jobs=1)
    points: Vectors = layout.fit_transform(_distinct(vectors, seed)).astype(np.float32)
    return points


def _distinct(vectors: Vectors, seed: int) -> Vectors:
    # Duplicated figures have equal vectors, and a matrix of equal rows has no principal components to start from.
    noise = np.random.default_rng(seed).standard_normal(vectors.shape).astype(np.float32)
    return vectors + np.float32(1e-5) * noise


def _unit_square(points: Vectors) -> Vectors:
    low, high = points.min(axis=0), points.max(axis=0)
    square: Vectors = (points - low) / np.maximum(high - low, np.float32(1e-9))
    return square


def _place(vectors: Vectors, anchors: Vectors, points: Vectors) -> Vectors:
    nearest = np.argpartition(-(vectors @ anchors.T), _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    middle: Vectors = points[nearest].mean(axis=1)
    return middle
