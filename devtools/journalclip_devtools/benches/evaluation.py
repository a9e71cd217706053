"""How much memory and time a large retrieval evaluation takes, beside the bare matrix products it cannot do without.

The pairs are synthetic: a text's vector is its picture's plus noise, eight pairs are an article, and one pair in fifty
shares its picture with the one before, so that ties, duplicates and articles all have work to do. Names are as long as
real ones.

For a million queries the matrix products alone are hours on two cores, so a sample of the queries is ranked; what
comes after ranking (figures, intervals, the paired test, the file of ranks) is done for as many queries as there are
pairs, with the sample's ranks repeated.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from journalclip_evaluation.counting import Floats
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.rank_table import to_parquet
from journalclip_evaluation.ranking import Ranks
from journalclip_evaluation.retrieval import Ranked, Side, by_modality, compare, rank, summarise, take
from journalclip_evaluation.vector_file import VectorFile
from journalclip_shared.ids import Json

_ARTICLE, _TWIN, _CHUNK = 8, 50, 10_000
_NOISE = 3.0  # relative length: the right text is usually, not always, among the first ten of a million
_MIB = 1 << 20
_MODALITIES = ("CT", "MRI")


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
    seconds = time.perf_counter() - started
    ranking_mib = _peak_mib()
    strict, multi = summarise(ranked), summarise(ranked, multi=True)
    started = time.perf_counter()
    ranks_mib = _everything_after(ranked if rows is None else _for_every_pair(ranked, pairs))
    after = time.perf_counter() - started
    asked = size.queries if rows is not None else size.pairs
    bare = _bare_seconds(pairs, asked, both=rows is None)
    return {
        "pairs": size.pairs,
        "dim": size.dim,
        "queries": asked,
        "ranking_seconds": round(seconds, 1),
        "bare_seconds": round(bare, 1),
        "ratio": round(bare / seconds, 3),
        "figures_seconds": round(after, 1),
        "peak_mib_ranking": ranking_mib,
        "peak_mib": _peak_mib(),
        "vectors_mib": round(8 * size.pairs * size.dim / _MIB),
        "ranks_mib": ranks_mib,
        "strict": strict.model_dump(mode="json"),
        "multi": multi.model_dump(mode="json"),
    }


def _everything_after(whole: Ranked) -> float:
    """What follows ranking in an evaluation; returns the size of the file of ranks."""
    for multi in (False, True):
        summarise(whole, multi)
        by_modality(whole, multi)
    compare(whole, whole, "r10")
    return round(len(to_parquet(whole)) / _MIB, 1)


def _for_every_pair(sample: Ranked, pairs: EmbeddedPairs) -> Ranked:
    """The sample's ranks over and over, under the names of all pairs."""
    rows = np.arange(len(pairs)) % len(sample.pair_ids)

    def repeated(sides: Mapping[Side, Ranks]) -> dict[Side, Ranks]:
        return {side: ranks.take(rows) for side, ranks in sides.items()}

    pair_ids, articles, modalities = (tuple(each) for each in (pairs.pair_ids, pairs.articles, pairs.modalities))
    return Ranked(pair_ids, articles, modalities, repeated(sample.strict), repeated(sample.multi))


def _peak_mib() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def synthetic_pairs(size: Size, folder: Path) -> EmbeddedPairs:
    """The same size and seed give the same pairs."""
    shape = (size.pairs, size.dim)
    numbers = range(size.pairs)
    return EmbeddedPairs(
        images=VectorFile.write(folder / "images.npy", _vectors(size, texts=False), shape),
        texts=VectorFile.write(folder / "texts.npy", _vectors(size, texts=True), shape),
        pair_ids=[f"pair_{n:020d}" for n in numbers],
        articles=[f"art_{n // _ARTICLE:020d}" for n in numbers],
        image_keys=[f"{n - (n > 0 and n % _TWIN == _TWIN - 1):064x}" for n in numbers],
        text_keys=[f"{n:016x}" for n in numbers],
        modalities=[_MODALITIES[n // _ARTICLE % 2] for n in numbers],
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
