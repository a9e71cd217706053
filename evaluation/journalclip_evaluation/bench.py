"""How much memory and time a large retrieval evaluation takes, beside the bare matrix products it cannot do without.

The pairs are synthetic: a text's vector is its picture's plus noise, eight pairs are an article, and one pair in fifty
shares its picture with the one before, so that ties, duplicates and articles all have work to do.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_evaluation.counting import Floats
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.retrieval import rank, summarise, take
from journalclip_evaluation.vector_file import VectorFile
from journalclip_shared.ids import Json

_ARTICLE, _TWIN, _CHUNK = 8, 50, 10_000
_NOISE = 3.0  # relative length: the right text is usually, not always, among the first ten of a million
_MIB = 1 << 20


@dataclass(frozen=True)
class Size:
    """``queries`` of 0 means all; fewer are drawn at random, and the pool stays whole."""

    pairs: int
    dim: int
    queries: int
    seed: int = 0


def bench(size: Size, folder: Path) -> dict[str, Json]:
    """Writes about ``8 * pairs * dim`` bytes below ``folder``."""
    pairs = synthetic_pairs(size, folder)
    rows = None
    if 0 < size.queries < size.pairs:
        rows = np.sort(np.random.default_rng(size.seed).choice(size.pairs, size.queries, replace=False))
    started = time.perf_counter()
    ranked = rank(pairs, rows)
    strict, multi = summarise(ranked), summarise(ranked, multi=True)
    seconds = time.perf_counter() - started
    asked = size.queries if rows is not None else size.pairs
    bare = _bare_seconds(pairs, asked, both=rows is None)
    return {
        "pairs": size.pairs,
        "dim": size.dim,
        "queries": asked,
        "seconds": round(seconds, 1),
        "bare_seconds": round(bare, 1),
        "ratio": round(bare / seconds, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "vectors_mib": round(8 * size.pairs * size.dim / _MIB),
        "strict": strict.model_dump(mode="json"),
        "multi": multi.model_dump(mode="json"),
    }


def synthetic_pairs(size: Size, folder: Path) -> EmbeddedPairs:
    """The same size and seed give the same pairs."""
    shape = (size.pairs, size.dim)
    numbers = range(size.pairs)
    return EmbeddedPairs(
        images=VectorFile.write(folder / "images.npy", _vectors(size, texts=False), shape),
        texts=VectorFile.write(folder / "texts.npy", _vectors(size, texts=True), shape),
        pair_ids=[str(n) for n in numbers],
        articles=[str(n // _ARTICLE) for n in numbers],
        image_keys=[str(n - (n % _TWIN == _TWIN - 1)) for n in numbers],
        text_keys=[str(n) for n in numbers],
        modalities=["CT"] * size.pairs,
    )


def _vectors(size: Size, texts: bool) -> Iterator[Floats]:
    for start in range(0, size.pairs, _CHUNK):
        count = min(_CHUNK, size.pairs - start)
        rng = np.random.default_rng([size.seed, start])
        images = _unit(rng.standard_normal((count, size.dim), np.float32))
        twins = np.flatnonzero(np.arange(start, start + count) % _TWIN == _TWIN - 1)
        twins = twins[twins > 0]
        images[twins] = images[twins - 1]
        noise = _unit(rng.standard_normal((count, size.dim), np.float32))
        yield _unit(images + np.float32(_NOISE) * noise) if texts else images


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _bare_seconds(pairs: EmbeddedPairs, queries: int, both: bool) -> float:
    """Time of the same matrix products alone, measured on some blocks and scaled: one pass, or one each way."""
    rows, columns = (min(len(pairs), side) for side in (1024, 8192))
    left, right = take(pairs.images[slice(0, rows)], np.arange(rows)), pairs.texts[slice(0, columns)]
    left @ right.T  # warms up
    started = time.perf_counter()
    repeats = 10
    for _ in range(repeats):
        left @ right.T
    one = (time.perf_counter() - started) / repeats / (rows * columns)
    return one * queries * len(pairs) * (1 if both else 2)
