"""From a model and a dataset to the report's HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from journalclip_evaluation.classification import Classification
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.published import PublishedTable, rows_of
from journalclip_evaluation.report import gallery, page, plots
from journalclip_evaluation.retrieval import Ranked, Retrieval, by_modality, summarise
from journalclip_modeling.data import FrozenDataset
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest

_CASES = 6


@dataclass(frozen=True)
class Reported:
    """What the report shows. ``others`` are compared on the same pairs: the start, the champion."""

    title: str
    ranked: Ranked
    pairs: EmbeddedPairs
    dataset: FrozenDataset
    split: Split
    model: ModelManifest | None = None
    others: Mapping[str, Ranked] = field(default_factory=dict)
    suites: Mapping[str, Sequence[Classification]] = field(default_factory=dict)
    pareto: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    tables: Sequence[PublishedTable] = ()


def build_report(what: Reported) -> str:
    """Deterministic for the same inputs."""
    sections = [_head(what), _retrieval(what), _modalities(what.ranked), _map(what), _gallery(what)]
    sections += [_suite(name, found) for name, found in what.suites.items()]
    if len(what.pareto) > 1:
        note = "Up and to the right is better; points that no other beats in both are joined."
        sections.append(page.section("What was gained and what was forgotten", note, plots.pareto(what.pareto)))
    sections += [_published(table, what) for table in what.tables]
    return page.page(what.title, sections)


def _head(what: Reported) -> str:
    data = what.dataset.manifest
    part = data.splits[what.split]
    known = {
        "dataset": data.dataset_id,
        "split": f"{what.split}: {part.pairs} pairs of {part.articles} articles",
        "leaks between splits": str(data.leaks.total),
        "licences": ", ".join(f"{name} {count}" for name, count in sorted(data.licences.items())) or "none recorded",
    }
    parts = []
    if what.model is not None:
        known = {
            "model": what.model.model_id, "recipe": what.model.recipe, "base": what.model.base,
            "training steps": str(what.model.steps), "run": what.model.run_id or "none", **known,
        }  # fmt: skip
        if what.model.base.startswith("scratch"):
            parts.append(page.warning("Trained from random weights: a demonstration of the path, not of the quality."))
    note = "Research use only; not for diagnosis."
    return page.section("What was measured", note, *parts, page.facts(known))


def _retrieval(what: Reported) -> str:
    every = {**what.others, "this model": what.ranked}
    strict = {name: summarise(ranked) for name, ranked in every.items()}
    multi = {name: summarise(ranked, multi=True) for name, ranked in every.items()}
    note = (
        "Strict figures accept only the pair's own counterpart; multi-positive ones also accept the same picture or "
        "wording elsewhere in the pool. Small print: 95 % intervals by bootstrap over articles."
    )
    rows = [
        (f"{name}, {label}", direction.r10, direction.r10_ci)
        for name, found in strict.items()
        for label, direction in (("image → text", found.image_to_text), ("text → image", found.text_to_image))
    ]
    return page.section(
        "Retrieval", note, page.retrieval_table(strict), plots.recall_curves(every),
        plots.intervals(rows, "recall@10", _chance(strict)), "<p>Multi-positive:</p>", page.retrieval_table(multi),
    )  # fmt: skip


def _chance(found: Mapping[str, Retrieval]) -> float:
    return next(iter(found.values())).image_to_text.chance10


def _modalities(ranked: Ranked) -> str:
    note = "Queries of one modality against the whole pool; few queries mean wide intervals."
    return page.section("By modality", note, page.retrieval_table(by_modality(ranked)))


def _map(what: Reported) -> str:
    images, texts = (side[slice(0, len(what.pairs))] for side in (what.pairs.images, what.pairs.texts))
    gap = float(np.linalg.norm(images.mean(0) - texts.mean(0)))
    note = (
        "Two principal components of all vectors of the split, each tower centred on its own mean; "
        f"the means of pictures and captions are {gap:.2f} apart (at most 2)."
    )
    return page.section("Embedding map", note, plots.embedding_map(images, texts, what.pairs.modalities))


def _gallery(what: Reported) -> str:
    captions = [pair.text for pair in what.dataset.pairs(what.split)]
    images, texts = (side[slice(0, len(what.pairs))] for side in (what.pairs.images, what.pairs.texts))
    best, worst = gallery.choose(what.ranked, _CASES)
    wanted = {what.ranked.pair_ids[row] for row in np.concatenate([best, worst])}
    pictures = {pair_id: data for pair_id, data in what.dataset.jpegs(what.split) if pair_id in wanted}
    parts = []
    for heading, rows in (("Best", best), ("Worst", worst)):
        found = gallery.cases(rows, what.ranked, images, texts, captions, pictures)
        parts += [f"<h3>{heading}</h3>", page.gallery(found)]
    note = "Each picture asks for its caption, at most one picture an article; its own caption is in blue."
    return page.section("Best and worst retrievals", note, *parts)


def _suite(name: str, found: Sequence[Classification]) -> str:
    note = "AUROC of each class against the rest, with DeLong's 95 % interval over patients."
    parts = []
    for each in found:
        rows = [(label, figures.auroc, figures.auroc_ci) for label, figures in each.classes.items()]
        parts += [page.classification_table(each), plots.intervals(rows, f"AUROC, {each.protocol}", 0.5)]
    return page.section(f"Suite {name}", note, *parts)


def _published(table: PublishedTable, what: Reported) -> str:
    rows = rows_of(table, {**what.others, "this model": what.ranked}, what.suites)
    cells = [[escape(cell) for cell in row] for row in rows]
    return page.section(
        table.title, table.protocol, page.table(("measure", "published", *table.columns), cells),
        page.warning(table.caveat),
    )  # fmt: skip
