"""Words and looks together at size: what a search costs, filtered and not, and how soon what comes and goes is seen.

The collection is invented: captions of some twenty words with a long tail, ten pairs an article, and
vectors spread as embeddings are (see `vectors`). It is stored, fetched and opened as serving does it. Each query has a
finding, a side and a word of a caption; its vector lies apart from all pictures, as those of words do. No model
encodes, so what is measured is all that follows. CPU time is given beside wall time, since it stands also where
others work on the machine.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from journalclip_devtools.benches.serving import VIT_B_32
from journalclip_devtools.benches.vectors import collection_of, searcher_of, words_like
from journalclip_devtools.doubles.collection import World, small_world
from journalclip_inference.analysis import ANALYSIS
from journalclip_inference.handler import FigureIndexer, SegmentHandler
from journalclip_inference.index.ann import recall
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.manifest import AnnPart, IndexManifest, index_id, index_name
from journalclip_inference.index.row_words import words_of_rows
from journalclip_inference.index.rows import Row, RowTable
from journalclip_inference.index.vectors import Exact, Ivf, Vectors
from journalclip_inference.index.words import write_words
from journalclip_inference.reader import Reader
from journalclip_inference.reload import CurrentSnapshot, Reloader
from journalclip_inference.search.asking import Asked
from journalclip_inference.withheld import Withholding
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.events import Event, PairsStructured
from journalclip_shared.records.article import Modality, Quality
from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.withdrawals import write_withdrawal

HITS = 24  # what the page asks for
_NEIGHBOURS = 10
_CHUNK = 20_000  # rows written at once
_VOCABULARY = 50_000
_TOWER: ScratchConfig = replace(VIT_B_32, image_size=32, patch_size=8, width=32, layers=1, heads=2)
_FINDINGS = ("subdural hematoma", "glioblastoma", "meningioma", "aneurysm", "infarct", "abscess", "metastasis", "cyst")
_SITES = ("frontal lobe", "temporal lobe", "parietal lobe", "cerebellum", "thalamus", "sella", "lumbar spine")
_SIDES = ("left", "right")
_SCANS: tuple[tuple[Modality, str], ...] = (("CT", "CT"), ("MRI", "T2-weighted MRI"), ("MRI", "FLAIR image"),
                                            ("angiography", "angiogram"), ("histology", "section"))  # fmt: skip
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "dra", "ple")
_LICENCES = ("CC BY", "CC BY-NC", "all rights reserved")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Latency:
    """Milliseconds a search: the median of the runs' percentiles."""

    p50_ms: float
    p95_ms: float
    p50_cpu_ms: float
    p95_cpu_ms: float


@dataclass(frozen=True)
class HybridRow:
    """One size."""

    pairs: int
    plain: Latency
    filtered: Latency
    recall_at_10: float
    probes: int | None
    open_s: float
    append_s: float
    withdrawal_s: float
    peak_gib: float


def measure_hybrid(
    pairs: int, folder: Path, rounds: int = 5, queries: int = 100, say: Say = lambda _: None
) -> HybridRow:
    """What is made in ``folder`` is found there by the next call; making a million takes a quarter of an hour."""
    vectors, _ = collection_of(pairs, _made(folder / "vectors"), 0, say)
    store = LocalArtifacts(folder / "store")
    world, model = _world(store)
    _indexed(store, model, vectors, folder, say)
    holder = CurrentSnapshot()
    reloader = Reloader(store, world.registry, folder / "cache", holder)
    say("opening it")
    started = time.perf_counter()
    assert reloader.check(), reloader.problem
    open_s = time.perf_counter() - started
    reader = holder.take().reader
    asked = _asked(vectors, queries)
    plain = _latency(reader, asked, Filters(), rounds, say)
    filtered = _latency(reader, asked, Filters(modality=("MRI",), year=("2019", "2020", "2021")), rounds, say)
    found = np.stack(
        [[each.position for each in reader.collection.search(q, _NEIGHBOURS, Filters())] for _, q in asked]
    )
    truth = np.stack([Exact(vectors).search(query, _NEIGHBOURS)[1] for _, query in asked])
    base = reader.collection.parts[0].manifest
    appended, withdrawn = _come_and_gone(world, reloader, holder, folder / "cache", say)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return HybridRow(
        pairs=pairs, plain=plain, filtered=filtered, recall_at_10=round(recall(found, truth), 4),
        probes=base.ann.probes if base.ann else None, open_s=round(open_s, 1), append_s=round(appended, 2),
        withdrawal_s=round(withdrawn, 2), peak_gib=round(peak, 2),
    )  # fmt: skip


# --- asking ---------------------------------------------------------------------------------------------------------


def _asked(vectors: Vectors, count: int) -> list[tuple[str, Vectors]]:
    rng = np.random.default_rng(7)
    words, wanted = _vocabulary(), words_like(vectors, count, rng)
    texts = [
        f"{rng.choice(_FINDINGS)} {rng.choice(_SIDES)} {rng.choice(_SITES)} {words[int(rng.integers(2_000))]}"
        for _ in range(count)
    ]
    return list(zip(texts, wanted, strict=True))


def _latency(reader: Reader, asked: Sequence[tuple[str, Vectors]], filters: Filters, rounds: int, say: Say) -> Latency:
    found: list[NDArray[np.float64]] = []
    for number in range(rounds):
        wall, cpu = [], []
        for text, vector in asked:
            begun, spent = time.perf_counter(), time.thread_time()
            answer = reader.search(Asked(text, vector, HITS, filters))
            wall.append(1000 * (time.perf_counter() - begun))
            cpu.append(1000 * (time.thread_time() - spent))
            assert answer.hits
        found.append(np.array([np.percentile(wall, 50), np.percentile(wall, 95), np.percentile(cpu, 50),
                               np.percentile(cpu, 95)]))  # fmt: skip
        say(
            f"run {number + 1}: p50, p95 {found[-1][:2].round(1).tolist()} ms, of CPU {found[-1][2:].round(1).tolist()}"
        )
    return Latency(*(round(float(each), 1) for each in np.median(found, axis=0)))


def _come_and_gone(
    world: World, reloader: Reloader, holder: CurrentSnapshot, cache: Path, say: Say
) -> tuple[float, float]:
    """Seconds from an article's announcement to its first hit, and from its withdrawal to the last."""
    say("an article comes, and goes")
    article = world.add_article(int(time.time()))  # one that no former call has added
    (ref,) = world.sources()[article.article_id]
    handler = SegmentHandler(world.store, FigureIndexer(world.store, cache), world.champion)
    fact = PairsStructured(article_id=article.article_id, document=ref, pairs=len(article.pairs))
    handler.handle(Event(fact, "bench"))  # the first loads the model, which a running service has loaded before
    article = world.add_article(int(time.time()) + 1)
    (ref,) = world.sources()[article.article_id]
    withholding = Withholding(world.store)
    withholding.apply(holder.take().reader)
    started = time.perf_counter()
    handler.handle(Event(fact.model_copy(update={"article_id": article.article_id, "document": ref}), "bench"))
    assert reloader.check(), reloader.problem
    assert _finds(withholding.apply(holder.take().reader), article.article_id)
    appended = time.perf_counter() - started
    started = time.perf_counter()
    word = Withdrawal(
        scope="article", subject=article.article_id, sequence=1, action="withdraw", reason="licence", who="bench",
        time="2026-01-01T00:00:00.000+00:00",
    )  # fmt: skip
    write_withdrawal(world.store, word)
    while _finds(withholding.apply(holder.take().reader), article.article_id):
        time.sleep(0.05)
    return appended, time.perf_counter() - started


def _nearest(reader: Reader, query: Vectors) -> NDArray[np.int64]:
    return np.array([each.position for each in reader.collection.search(query, _NEIGHBOURS, Filters())], np.int64)


def _finds(reader: Reader, article_id: str) -> bool:
    return bool(reader.search(Asked(article_id, None, HITS)).hits)


# --- making ---------------------------------------------------------------------------------------------------------


def _world(store: ArtifactStore) -> tuple[World, ModelManifest]:
    world = small_world(store, articles=3)
    version = world.add_model(seed=1, config=_TOWER)
    world.registry.set_alias("champion", version.version)
    return world, ModelManifest.model_validate_json(store.get(version.manifest))


def _indexed(store: ArtifactStore, model: ModelManifest, vectors: Vectors, folder: Path, say: Say) -> None:
    name = index_name(model.model_id, model.dataset_id)
    if store.find_manifest("models", name) is not None:
        return
    searcher, ann, _ = searcher_of(vectors, _made(folder / "vectors"), say)
    say("writing rows")
    table, words = folder / "table.parquet", folder / "words.tar"
    with pq.ParquetWriter(table, RowTable.of([]).arrow.schema, compression="zstd") as writer:
        for chunk in _chunks(_rows(len(vectors))):
            writer.write_table(RowTable.of(chunk).arrow)
    say("writing words")
    write_words(words_of_rows(_rows(len(vectors))), words)
    points = folder / "map.npy"
    np.save(points, np.zeros((len(vectors), 2), np.float32))
    arrays = _file(store, next((folder / "vectors").rglob("vectors.npy")))
    assert isinstance(searcher, Ivf) == (ann is not None)
    manifest = IndexManifest(
        index_id=index_id(model.model_id, model.dataset_id), model_id=model.model_id, dataset_id=model.dataset_id,
        dim=vectors.shape[1], pairs=len(vectors), images=arrays, texts=arrays, table=_file(store, table),
        words=_file(store, words), analysis=ANALYSIS, map=_file(store, points),
        ann=AnnPart(index=_file(store, ann.path), probes=ann.probes, recall_at_10=ann.recall_at_10) if ann else None,
    )  # fmt: skip
    store.put_manifest("models", name, manifest.canonical())


def _file(store: ArtifactStore, path: Path) -> ArtifactRef:
    return store.put_file("models", path, "application/octet-stream")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _vocabulary() -> list[str]:
    rng = np.random.default_rng(11)
    return ["".join(rng.choice(_SYLLABLES, size=int(rng.integers(2, 5)))) for _ in range(_VOCABULARY)]


def _rows(count: int) -> Iterator[Row]:
    """Always the same rows, so that table and words are written one after the other and neither is held."""
    rng, words = np.random.default_rng(5), _vocabulary()
    image = ArtifactRef(uri="artifact://figures/none", sha256="0" * 64, bytes=0, media_type="image/png")
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        picks = rng.integers(0, 1 << 30, size=(size, 8))
        tail = np.minimum(rng.zipf(1.3, size=(size, 14)), _VOCABULARY) - 1
        for n in range(size):
            yield _row(start + n, picks[n].tolist(), [words[each] for each in tail[n].tolist()], image)


def _row(number: int, pick: list[int], tail: list[str], image: ArtifactRef) -> Row:
    finding, site, side = _FINDINGS[pick[0] % 8], _SITES[pick[1] % 7], _SIDES[pick[2] % 2]
    modality, scan = _SCANS[pick[3] % 5]
    article, name = number // 10, f"{number:08d}"
    record = CaptionRecord(
        modality=(Coded(term=modality),),
        anatomy=(Coded(term=site),),
        laterality=(Coded(term=side),),
        findings=(Finding(term=finding),),
    )
    pair = Pair(
        pair_id=f"pair_{name}", article_id=f"art_{article:07d}", figure_id=f"fig_{name}", label="Figure 1", image=image,
        text=f"Axial {scan} of a {side} {site} {finding}. {' '.join(tail)}.", record=record, page=1, modality=modality,
        licence=_LICENCES[article % 3],
        quality=Quality(usefulness=("imaging", "other")[pick[4] % 2], score=0.9, by="bench"),
    )  # fmt: skip
    return Row(
        pair=pair, name=f"{article}.pdf", title=f"On {_FINDINGS[article % 8]} of case {article}",
        year=str(2000 + article % 25), journal=f"Journal {article % 40}", doi=f"10.9999/bench.{article}",
    )  # fmt: skip
