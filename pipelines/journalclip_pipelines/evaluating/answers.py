"""What was measured, as JSON: one object for machines."""

from __future__ import annotations

from journalclip_evaluation.classification import Change
from journalclip_evaluation.embedded import Progress, quiet
from journalclip_evaluation.report.build import THIS
from journalclip_evaluation.report.shown import Forgetting, SuiteResults
from journalclip_evaluation.retrieval import METRICS, Ranked, by_modality, compare, summarise
from journalclip_pipelines.evaluating.work import Evaluating, Options
from journalclip_pipelines.operations.installation import Installation
from journalclip_shared.ids import Json
from journalclip_shared.records import Document


def as_json(work: Evaluating) -> dict[str, Json]:
    """Everything of one evaluation."""
    this = work.ranks[THIS]
    tables: dict[str, Json] = {
        table.name: {
            "published": table.published,
            "caveat": table.caveat,
            "rows": [dict(row) for row in work.table_rows(table)],
        }
        for table in work.tables
    }
    return {
        "model": work.version.model_id if work.version else work.wanted,
        "version": work.version.version if work.version else None,
        "dataset": work.dataset.manifest.dataset_id,
        "split": work.options.split,
        "retrieval": {name: _retrieval(ranked) for name, ranked in work.ranks.items()},
        "by_modality": {kind: _modalities(this, kind == "multi") for kind in ("strict", "multi")},
        "differences": {name: _changes(before, this) for name, before in work.others.items()},
        "suites": {suite.name: _suite(suite) for suite in work.suites},
        "forgetting": _forgetting(work.forgetting),
        "unique_texts": {name: found.model_dump(mode="json") for name, found in work.unique_texts.items()},
        "tables": tables,
    }


def differences(before: Ranked, after: Ranked) -> dict[str, dict[str, Change]]:
    """Paired, mean of both directions, after minus before; by strict or multi, then by metric."""
    return {
        kind: {metric: Change(**vars(compare(before, after, metric, kind == "multi"))) for metric in METRICS}
        for kind in ("strict", "multi")
    }


class Compared(Document):
    """Two models on one split, second minus first."""

    first: str
    second: str
    dataset: str
    pool: int
    differences: dict[str, dict[str, Change]]


def compare_models(there: Installation, first: str, second: str, progress: Progress = quiet) -> Compared:
    """Second minus first, on the second's own test split. Raises `UnknownModel`."""
    alone = Options(alone=True)
    new = Evaluating(there, second, None, alone, progress)
    old = Evaluating(there, first, new.dataset.manifest.dataset_id, alone, progress)
    before, after = old.ranks[THIS], new.ranks[THIS]
    return Compared(
        first=old.title,
        second=new.title,
        dataset=new.dataset.manifest.dataset_id,
        pool=len(after.pair_ids),
        differences=differences(before, after),
    )


def _changes(before: Ranked, after: Ranked) -> dict[str, Json]:
    return {
        kind: {metric: each.model_dump(mode="json") for metric, each in found.items()}
        for kind, found in differences(before, after).items()
    }


def _retrieval(ranked: Ranked) -> dict[str, Json]:
    return {kind: summarise(ranked, kind == "multi").model_dump(mode="json") for kind in ("strict", "multi")}


def _modalities(ranked: Ranked, multi: bool) -> dict[str, Json]:
    return {name: found.model_dump(mode="json") for name, found in by_modality(ranked, multi).items()}


def _suite(suite: SuiteResults) -> dict[str, Json]:
    return {
        "title": suite.title,
        "models": {name: [each.model_dump(mode="json") for each in found] for name, found in suite.models.items()},
        "differences": {
            name: [each.model_dump(mode="json") for each in found] for name, found in suite.changes.items()
        },
        "retrieval": {name: found.model_dump(mode="json") for name, found in suite.retrieval.items()},
    }


def _forgetting(found: Forgetting | None) -> Json:
    if found is None:
        return None
    points: dict[str, Json] = {name: {"general": at[0], "domain": at[1]} for name, at in found.points.items()}
    sweep: list[Json] = [{"alpha": name, "general": at[0], "domain": at[1]} for name, at in found.sweep]
    return {"suite": found.suite, "points": points, "sweep": sweep}
