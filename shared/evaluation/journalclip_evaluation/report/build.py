"""From what was measured to the report's HTML. Nothing is computed by a model here: a stored evaluation is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from journalclip_evaluation.embedding_map import Sketch
from journalclip_evaluation.published import PublishedTable
from journalclip_evaluation.reader_queries import ReaderQueries
from journalclip_evaluation.report import page, parts
from journalclip_evaluation.report.shown import Check, Forgetting, SuiteResults
from journalclip_evaluation.retrieval import Ranked
from journalclip_evaluation.unique_texts import UniqueTextRetrieval
from journalclip_modeling.data import FrozenDataset
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.runs import Curve

THIS = "this model"


@dataclass(frozen=True)
class Reported:
    """What the report shows. ``others`` are compared on the same pairs: the start, the champion."""

    title: str
    ranked: Ranked
    sketch: Sketch
    dataset: FrozenDataset
    split: Split
    model: ModelManifest | None = None
    others: Mapping[str, Ranked] = field(default_factory=dict)
    queries: Mapping[str, ReaderQueries] = field(default_factory=dict)  # by model, as `every`
    suites: Sequence[SuiteResults] = ()
    forgetting: Forgetting | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)
    tables: Sequence[PublishedTable] = ()
    unique_texts: Mapping[str, UniqueTextRetrieval] = field(default_factory=dict)  # by model, of studies
    verdict: str = ""
    checks: Sequence[Check] = ()

    @property
    def every(self) -> dict[str, Ranked]:
        """This model last."""
        return {**self.others, THIS: self.ranked}


def build_report(what: Reported) -> str:
    """Deterministic for the same inputs."""
    sections = [("What was measured", parts.facts(what.dataset, what.split, what.model))]
    if what.checks:
        sections.insert(0, ("Gates", parts.gates(what.checks)))
    sections.append(("Retrieval", parts.retrieval(what.every)))
    if what.others:
        sections.append(("Paired differences", parts.paired(what.others, what.ranked)))
    if what.queries:
        sections.append(("A reader's queries", parts.reader_queries(what.queries)))
    sections.append(("By modality", parts.modalities(what.ranked)))
    if what.dataset.manifest.kind == "articles":  # a report leaves the house; a patient's slices do not
        sections.append(("Best and worst", parts.gallery_of(what.sketch, what.dataset, what.split)))
    sections.append(("Embedding map", parts.embedding_map(what.sketch)))
    sections += [(suite.title, parts.suite(suite)) for suite in what.suites]
    if what.forgetting is not None:
        sections.append(("Gained and forgotten", parts.forgetting(what.forgetting)))
    if what.curves:
        sections.append(("Training", parts.training(what.curves, what.model)))
    sections += [
        (table.heading, parts.published(table, what.every, what.suites, what.forgetting, what.unique_texts))
        for table in what.tables
    ]
    sections.append(("How the figures are made", parts.METHODS))
    return page.page(what.title, parts.head(what.verdict, what.every), sections, parts.FOOT)
