"""Search alone: latency and recall at several sizes, over vectors spread as embeddings are.

Real CLIP embeddings are neither uniform nor of full dimension: they lie in clusters of very different sizes, and a few
directions carry most of the variance. So: cluster sizes fall as 1/rank, centres and spreads are Gaussian with a
spectrum that falls as 1/sqrt(direction). Three kinds of query, none of them among the rows:

- pictures, drawn from the same clusters;
- words, which CLIP puts apart from all pictures: half a row, half a direction that all words share (the gap between the
  modalities), and 0.6 of noise of the same spectrum;
- words under a filter that leaves a quarter of the rows and follows the clusters, as a modality does.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from journalclip_inference.index.ann import Ann, build_ann, recall
from journalclip_inference.index.vectors import EXACT_UP_TO, Exact, Ivf, Mask, Rows, Searcher, Vectors

DIM = 512  # ViT-B/32's
_QUERIES = 200
_K = 10
_SPREAD = 0.6  # of a cluster, against the distance between centres
_CHUNK = 100_000
_AT_ONCE = 50  # queries whose scores of all rows are held: 200 MB at a million
Say = Callable[[str], None]


@dataclass(frozen=True)
class KindRow:
    """One kind of query at one size."""

    kind: str
    recall_at_10: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class SearchRow:
    """One size; recall and latencies are those of the kind of query that came off worst in each."""

    vectors: int
    index: str
    probes: int | None
    recall_at_10: float
    p50_ms: float
    p95_ms: float
    build_s: float
    kinds: tuple[KindRow, ...]


def embedding_like(rows: int, rng: np.random.Generator, dim: int = DIM) -> tuple[Vectors, Vectors]:
    """float32 [rows, dim] and [200, dim], unit length: a collection, and pictures of the same kind."""
    clusters = max(10, int(np.sqrt(rows)))
    scale = _spectrum(dim)
    centres = rng.standard_normal((clusters, dim), np.float32) * scale
    weights = 1 / np.arange(1, clusters + 1)
    owners = rng.choice(clusters, rows + _QUERIES, p=weights / weights.sum())
    found = np.empty((rows + _QUERIES, dim), np.float32)
    for start in range(0, len(found), _CHUNK):
        part = owners[start : start + _CHUNK]
        points = centres[part] + _SPREAD * rng.standard_normal((len(part), dim), np.float32) * scale
        found[start : start + _CHUNK] = unit(points)
    return found[:rows], found[rows:]


def words_like(vectors: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """float32 [count, dim], unit length: words about ``count`` of the rows."""
    dim = vectors.shape[1]
    scale = _spectrum(dim)
    about = vectors[np.sort(rng.integers(len(vectors), size=count))]
    gap = unit(np.random.default_rng(1).standard_normal((1, dim), np.float32) * scale)  # one for all words
    noise = unit(rng.standard_normal((count, dim), np.float32) * scale)
    return unit(0.5 * about + 0.5 * gap + 0.6 * noise)


def unit(points: Vectors) -> Vectors:
    found: Vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return found


def measure_search(rows: int, keep: Path | None = None, say: Say = lambda _: None, seed: int = 0) -> SearchRow:
    """One query at a time, as a reader's request is answered once its embedding is there.

    What is made in ``keep`` (vectors, index) is found there by the next call: building takes minutes, asking seconds.
    """
    with nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory() as name:
        folder = Path(name) / f"{rows}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        vectors, pictures = collection_of(rows, folder, seed, say)
        searcher, built, build_s = searcher_of(vectors, folder, say)
        rng = np.random.default_rng(seed + 2)
        words = words_like(vectors, _QUERIES, rng)
        mask: Mask = (vectors[:, 0] > np.median(vectors[:, 0])) & (vectors[:, 1] > np.median(vectors[:, 1]))
        say(f"{rows:,} vectors: asking {3 * _QUERIES} times")
        kinds = (
            _ask("pictures", searcher, vectors, pictures, None),
            _ask("words", searcher, vectors, words, None),
            _ask("words, filtered", searcher, vectors, words, mask),
        )
    return SearchRow(
        vectors=rows,
        index="inverted lists of 8-bit codes, mapped" if built else "exact",
        probes=built.probes if built else None,
        recall_at_10=min(kind.recall_at_10 for kind in kinds),
        p50_ms=max(kind.p50_ms for kind in kinds),
        p95_ms=max(kind.p95_ms for kind in kinds),
        build_s=build_s,
        kinds=kinds,
    )


def _ask(kind: str, searcher: Searcher, vectors: Vectors, queries: Vectors, allowed: Mask | None) -> KindRow:
    searcher.search(queries[0], _K, allowed)  # the first call maps what later ones find mapped
    found, times = [], []
    for query in queries:
        begun = time.perf_counter()
        found.append(searcher.search(query, _K, allowed)[1])
        times.append(1000 * (time.perf_counter() - begun))
    reached = recall(np.stack(found), _truth(vectors, queries, allowed))
    p50, p95 = np.percentile(times, [50, 95])
    return KindRow(kind, round(reached, 4), round(float(p50), 2), round(float(p95), 2))


def _truth(vectors: Vectors, queries: Vectors, allowed: Mask | None) -> Rows:
    found = [_best(vectors, queries[n : n + _AT_ONCE], allowed) for n in range(0, len(queries), _AT_ONCE)]
    return np.concatenate(found)


def _best(vectors: Vectors, queries: Vectors, allowed: Mask | None) -> Rows:
    scores = np.concatenate([queries @ vectors[n : n + _CHUNK].T for n in range(0, len(vectors), _CHUNK)], axis=1)
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    best: Rows = np.argpartition(-scores, _K - 1, axis=1)[:, :_K].astype(np.int64)
    return best


def collection_of(rows: int, folder: Path, seed: int, say: Say) -> tuple[Vectors, Vectors]:
    files = folder / "vectors.npy", folder / "pictures.npy"
    if not files[1].exists():
        say(f"{rows:,} vectors: drawing them")
        for path, array in zip(files, embedding_like(rows, np.random.default_rng(seed)), strict=True):
            np.save(path, array)
    return np.load(files[0], mmap_mode="r"), np.load(files[1])


def searcher_of(vectors: Vectors, folder: Path, say: Say) -> tuple[Searcher, Ann | None, float]:
    if len(vectors) <= EXACT_UP_TO:
        return Exact(vectors), None, 0.0
    path, known = folder / "ann.faiss", folder / "ann.json"
    if not known.exists():
        say(f"{len(vectors):,} vectors: building the index")
        started = time.perf_counter()
        words = words_like(vectors, 10 * _QUERIES, np.random.default_rng(3))
        built = build_ann(vectors, path, words)
        spent = round(time.perf_counter() - started, 1)
        known.write_text(json.dumps({**asdict(built), "path": path.name, "build_s": spent}))
    found = json.loads(known.read_text())
    built = Ann(path, found["probes"], found["recall_at_10"])
    return Ivf.open(path, vectors, built.probes), built, found["build_s"]


def _spectrum(dim: int) -> Vectors:
    scale: Vectors = (1 / np.sqrt(np.arange(1, dim + 1))).astype(np.float32)
    return scale
