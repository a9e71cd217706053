"""Search alone: latency and recall at several sizes, over vectors spread as embeddings are.

Real CLIP embeddings are neither uniform nor of full dimension: they lie in clusters of very different sizes, and a few
directions carry most of the variance. So: cluster sizes fall as 1/rank, centres and spreads are Gaussian with a
spectrum that falls as 1/sqrt(direction), and queries are drawn from the same clusters but are not among the rows.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_inference.index.ann import build_ann, exact_neighbours, recall
from journalclip_inference.index.vectors import EXACT_UP_TO, Exact, Ivf, Searcher, Vectors

DIM = 512  # ViT-B/32's
_QUERIES = 200
_K = 10
_SPREAD = 0.6  # of a cluster, against the distance between centres
_CHUNK = 100_000


@dataclass(frozen=True)
class SearchRow:
    """One size."""

    vectors: int
    index: str
    probes: int | None
    recall_at_10: float
    p50_ms: float
    p95_ms: float
    build_s: float


def embedding_like(rows: int, rng: np.random.Generator, dim: int = DIM) -> tuple[Vectors, Vectors]:
    """float32 [rows, dim] and [200, dim], unit length: a collection, and queries of the same kind."""
    clusters = max(10, int(np.sqrt(rows)))
    scale = (1 / np.sqrt(np.arange(1, dim + 1))).astype(np.float32)
    centres = rng.standard_normal((clusters, dim), np.float32) * scale
    weights = 1 / np.arange(1, clusters + 1)
    owners = rng.choice(clusters, rows + _QUERIES, p=weights / weights.sum())
    found = np.empty((rows + _QUERIES, dim), np.float32)
    for start in range(0, len(found), _CHUNK):
        part = owners[start : start + _CHUNK]
        points = centres[part] + _SPREAD * rng.standard_normal((len(part), dim), np.float32) * scale
        found[start : start + _CHUNK] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return found[:rows], found[rows:]


def measure_search(rows: int, seed: int = 0) -> SearchRow:
    """One query at a time, as a reader's request is answered once its embedding is there."""
    vectors, queries = embedding_like(rows, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        searcher, kind, probes = _searcher(vectors, Path(folder))
        build_s = time.perf_counter() - started
        found, times = [], []
        for query in queries:
            begun = time.perf_counter()
            found.append(searcher.search(query, _K)[1])
            times.append(1000 * (time.perf_counter() - begun))
    reached = recall(np.stack(found), exact_neighbours(vectors, queries, _K))
    p50, p95 = np.percentile(times, [50, 95])
    return SearchRow(rows, kind, probes, reached, round(float(p50), 2), round(float(p95), 2), round(build_s, 1))


def _searcher(vectors: Vectors, folder: Path) -> tuple[Searcher, str, int | None]:
    if len(vectors) <= EXACT_UP_TO:
        return Exact(vectors), "exact", None
    built = build_ann(vectors, folder / "ann.faiss")
    return Ivf.open(built.path, vectors, built.probes), "inverted lists, mapped", built.probes
