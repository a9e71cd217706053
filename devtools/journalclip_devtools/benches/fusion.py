"""Is the fusion ever worse than its better leg? Words, looks and both, under simulated models from blind to perfect.

A collection of invented pairs with known facts is captioned by templates; some captions say little. A model of
quality ``beta`` gives a pair and a query the mean direction of their facts mixed with noise: ``beta`` 0 knows nothing,
1 all. Right is a pair that has all facts asked for. The captions are our own templates, so the level of the words' leg
flatters it; what is measured is the distance of the fusion from the better leg.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from journalclip_inference.analysis import ANALYSIS
from journalclip_inference.index.collection import Collection, Part
from journalclip_inference.index.facets import Facets, Filters
from journalclip_inference.index.manifest import IndexManifest
from journalclip_inference.index.row_words import words_of_rows
from journalclip_inference.index.rows import Row, RowTable
from journalclip_inference.index.vectors import Exact, Vectors
from journalclip_inference.index.words import Words, unpacked, write_words
from journalclip_inference.search.asking import planner_of
from journalclip_inference.search.legs import Legs
from journalclip_inference.search.ranker import Mode, rank
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.pair import Pair

_DIM = 128
_K = 10
BETAS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)
# Each fact with how captions say it, and how readers ask for it; the last way of asking is one that no list knows.
_Group = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
_LESIONS: _Group = {
    "meningioma": (("meningioma", "dural-based mass"), ("meningioma", "meningiomas", "pearly lump")),
    "glioblastoma": (("glioblastoma", "GBM"), ("glioblastoma", "GBM", "butterfly growth")),
    "abscess": (("abscess", "pus collection"), ("brain abscess", "abscesses", "walled soup")),
    "aneurysm": (("aneurysm",), ("berry aneurysm", "aneurysms", "blister of a pipe")),
    "subdural": (("subdural haematoma", "SDH"), ("subdural hematoma", "subdural bleed", "banana of blood")),
    "infarct": (("infarct", "ischaemic stroke"), ("stroke", "infarction", "starved territory")),
    "cyst": (("arachnoid cyst",), ("arachnoid cysts", "CSF cyst", "water balloon")),
    "metastasis": (("metastasis", "secondary deposits"), ("brain metastases", "mets", "seeded spots")),
}
_SIDES: _Group = {"left": (("left",), ("left",)), "right": (("right",), ("right",))}
_LOBES: _Group = {
    name: ((f"{name} lobe", name), (f"{name} lobe", name)) for name in ("frontal", "temporal", "parietal")
}
_SCANS: _Group = {
    "ct": (("CT", "computed tomography"), ("CT",)),
    "flair": (("FLAIR image",), ("FLAIR",)),
    "t2": (("T2-weighted MRI", "T2WI"), ("T2",)),
}
_FACTS = (_LESIONS, _SIDES, _LOBES, _SCANS)


@dataclass(frozen=True)
class FusionRow:
    """P@10 of one simulated model, over all queries."""

    beta: float
    words: float
    looks: float
    best: float

    @property
    def margin(self) -> float:
        """How far the fusion lies above the better leg; negative: below."""
        return self.best - max(self.words, self.looks)


@dataclass(frozen=True)
class _Asked:
    text: str
    facts: frozenset[str]


def measure_fusion(pairs: int = 1500, queries: int = 240, seed: int = 0, silent: float = 0.2) -> list[FusionRow]:
    """One row a quality. ``silent``: the share of captions that say nothing of the findings."""
    rng = np.random.default_rng(seed)
    facts = [_drawn(rng) for _ in range(pairs)]
    rows = [_row(n, _caption(each, rng, rng.random() < silent)) for n, each in enumerate(facts)]
    asked = [_query(rng, facts) for _ in range(queries)]
    directions = {name: _unit(rng.standard_normal(_DIM)) for group in _FACTS for name in group}
    with tempfile.TemporaryDirectory() as folder:
        write_words(words_of_rows(rows), Path(folder) / "words.tar")
        words = Words(unpacked(Path(folder) / "words.tar"))
        return [_measured(beta, rows, facts, asked, directions, words, seed) for beta in BETAS]


def _measured(
    beta: float,
    rows: Sequence[Row],
    facts: Sequence[frozenset[str]],
    asked: Sequence[_Asked],
    directions: dict[str, NDArray[np.float64]],
    words: Words,
    seed: int,
) -> FusionRow:
    rng = np.random.default_rng(seed + 1)
    images = np.stack([_seen(each, beta, directions, rng) for each in facts])
    collection = _collection(rows, images, words)
    planner = planner_of([words])
    modes: tuple[Mode, ...] = ("words", "looks", "best")
    found: dict[Mode, list[float]] = {mode: [] for mode in modes}
    for query in asked:
        right = {n for n, each in enumerate(facts) if query.facts <= each}
        vector = _seen(query.facts, beta, directions, rng)
        plan = planner.plan(query.text).plan
        for mode in modes:
            ranking = rank(Legs(collection, Filters()), plan, vector, _K, mode)
            hits = sum(row.position in right for row in ranking.rows)
            found[mode].append(hits / min(_K, len(right)))
    return FusionRow(beta, *(round(float(np.mean(found[mode])), 4) for mode in modes))


def _drawn(rng: np.random.Generator) -> frozenset[str]:
    return frozenset(str(rng.choice(list(group))) for group in _FACTS)


def _caption(facts: frozenset[str], rng: np.random.Generator, silent: bool) -> str:
    lesion, side, lobe, scan = (_said(group, facts, rng) for group in _FACTS)
    if silent:
        return f"Axial {scan} of this patient. See the text."
    return f"Axial {scan} demonstrating a {side} {lobe} {lesion}{rng.choice([', with oedema', '', ' (arrow)'])}."


def _said(group: _Group, facts: frozenset[str], rng: np.random.Generator) -> str:
    name = next(each for each in group if each in facts)
    return str(rng.choice(group[name][0]))


def _query(rng: np.random.Generator, facts: Sequence[frozenset[str]]) -> _Asked:
    """A lesion and up to two other facts of some pair, so that something is right."""
    pair = facts[int(rng.integers(len(facts)))]
    groups = [_LESIONS, *(group for group in (_SIDES, _LOBES, _SCANS) if rng.random() < 0.4)]
    names = [next(each for each in group if each in pair) for group in groups]
    said = [str(rng.choice(group[name][1])) for group, name in zip(groups, names, strict=True)]
    return _Asked(" ".join(said), frozenset(names))


def _seen(
    facts: frozenset[str], beta: float, directions: dict[str, NDArray[np.float64]], rng: np.random.Generator
) -> Vectors:
    known = _unit(np.sum([directions[name] for name in sorted(facts)], axis=0))
    noise = _unit(rng.standard_normal(_DIM))
    return _unit(beta * known + (1 - beta) * noise).astype(np.float32)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return found


def _row(number: int, caption: str) -> Row:
    image = ArtifactRef(uri="artifact://figures/none", sha256="0" * 64, bytes=0, media_type="image/png")
    name = f"{number:06d}"
    record = CaptionRecord()
    return Row(
        pair=Pair(
            pair_id=f"pair_{name}", article_id=f"art_{name}", figure_id=f"fig_{name}", label="Figure 1", image=image,
            text=caption, record=record, page=1,
        )
    )  # fmt: skip


def _collection(rows: Sequence[Row], images: Vectors, words: Words) -> Collection:
    table = RowTable.of(rows)
    nothing = ArtifactRef(uri="artifact://models/none", sha256="0" * 64, bytes=0, media_type="application/x-npy")
    manifest = IndexManifest(
        index_id="idx", model_id="mdl", dataset_id="ds", dim=_DIM, pairs=len(rows), images=nothing, texts=nothing,
        table=nothing, words=nothing, analysis=ANALYSIS, map=nothing,
    )  # fmt: skip
    searcher = Exact(images)
    points = np.zeros((len(rows), 2), np.float32)
    facets = Facets.of_column(table.facets, Filters.facets())
    part = Part(manifest, table, words, facets, images, images, points, searcher, searcher, None)
    return Collection([part])
