"""What came of a run, for a person and as one JSON object.

Everything is read back from the working folder's manifests and log, never remembered from the run itself: a second run
that did no work prints the same summary with ``work_done`` 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from journalclip_intake.articles import copies
from journalclip_pipelines.local.run import RunResult
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.operations.catalogue import caught_up
from journalclip_pipelines.operations.status import SourceStatus, quarantined, source_states
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.events import ModelTrained, decode
from journalclip_shared.ids import Json
from journalclip_shared.names import ledger
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import Alias


@dataclass(frozen=True)
class Summary:
    """One run's outcome."""

    articles: list[SourceStatus]
    quarantine: list[SourceStatus]
    copies: int
    dataset: DatasetManifest | None
    model: ModelManifest | None
    version: str
    alias: str
    decision: str
    retrieval: Mapping[str, Json]
    work_done: int

    @property
    def quarantined(self) -> int:
        return len(self.quarantine)

    def as_json(self) -> dict[str, Json]:
        figures, pairs = sum(a.extracted for a in self.articles), sum(a.pairs for a in self.articles)
        dataset = self.dataset
        return {
            "articles": len(self.articles),
            "figures": figures,
            "pairs": pairs,
            "quarantined": self.quarantined,
            "quarantine": [{"name": q.name, "code": q.code, "source_id": q.source_id} for q in self.quarantine],
            "copies": self.copies,
            "dataset": dataset.dataset_id if dataset else None,
            "dataset_digest": dataset.digest if dataset else None,
            "splits": _splits(dataset),
            "leaks": dataset.leaks.total if dataset else 0,
            "dropped": dict(dataset.dropped) if dataset else {},
            "retrieval": dict(self.retrieval),
            "model": self._model(),
            "work_done": self.work_done,
        }

    def _model(self) -> dict[str, Json] | None:
        if self.model is None:
            return None
        return {
            "version": self.version,
            "alias": self.alias,
            "model_id": self.model.model_id,
            "recipe": self.model.recipe,
            "base": self.model.base,
            "decision": self.decision,
        }


def summarise(workspace: Workspace, result: RunResult) -> Summary:
    """Read the working folder back."""
    dataset = _dataset(workspace, result)
    trained = _trained(workspace, dataset)
    model = ModelManifest.model_validate_json(workspace.store.get(trained.manifest)) if trained else None
    catalogue = Catalogue(caught_up(workspace.root))
    return Summary(
        articles=source_states(catalogue, "articles"),
        quarantine=[each for each in quarantined(catalogue) if each.kind != "studies"],
        copies=sum(map(len, copies(workspace.store).values())),
        dataset=dataset,
        model=model,
        version=trained.version if trained else "",
        alias=_alias(workspace, trained),
        decision=_decision(workspace, trained),
        retrieval=_retrieval(workspace, model, dataset),
        work_done=result.work_done,
    )


def render(summary: Summary, console: Console | None = None) -> None:
    """The summary for people."""
    out = console or Console()
    facts = summary.as_json()
    out.print(
        f"\n[bold]{facts['articles']}[/bold] articles, [bold]{facts['figures']}[/bold] figures, "
        f"[bold]{facts['pairs']}[/bold] pairs; {facts['quarantined']} in quarantine, {facts['copies']} copies"
    )
    for each in summary.quarantine:
        out.print(f"  [yellow]{each.code}[/yellow] {each.name or each.source_id}: {each.reason}\n    -> {each.remedy}")
    if summary.dataset is None:
        out.print("No pair came out of these files, so there is no dataset and no model.")
        return
    splits = ", ".join(f"{name} {part.pairs}" for name, part in summary.dataset.splits.items())
    out.print(f"dataset {summary.dataset.dataset_id}: {splits} pairs; leaks {summary.dataset.leaks.total}")
    if summary.dataset.dropped:
        dropped = ", ".join(f"{reason} {count}" for reason, count in sorted(summary.dataset.dropped.items()))
        out.print(f"left out of the dataset: {dropped}")
    if summary.model is not None:
        out.print(_retrieval_table(summary.retrieval))
        out.print(f"model version {summary.version} ({summary.model.recipe}, from {summary.model.base})")
        out.print(f"alias {summary.alias or 'none'}: {summary.decision}")
        if summary.model.base.startswith("scratch"):
            out.print("The model was trained from nothing on these pairs alone: it shows the path, not the quality.")
    out.print("Nothing was left to do." if summary.work_done == 0 else f"{summary.work_done} steps done.")


def _dataset(workspace: Workspace, result: RunResult) -> DatasetManifest | None:
    if result.dataset is None:
        return None
    return DatasetManifest.model_validate_json(workspace.store.get(result.dataset.manifest))


def _splits(dataset: DatasetManifest | None) -> dict[str, Json]:
    parts = dataset.splits if dataset else {}
    return {name: {"pairs": part.pairs, "articles": part.articles} for name, part in parts.items()}


def _trained(workspace: Workspace, dataset: DatasetManifest | None) -> ModelTrained | None:
    facts = (decode(each.headers, each.body).fact for each in workspace.bus.read(ModelTrained.topic))
    of_dataset = [
        fact for fact in facts if isinstance(fact, ModelTrained) and dataset and fact.dataset_id == dataset.dataset_id
    ]
    return of_dataset[-1] if of_dataset else None


def _alias(workspace: Workspace, trained: ModelTrained | None) -> str:
    if trained is None:
        return ""
    aliases: tuple[Alias, ...] = ("champion", "previous", "candidate")
    for alias in aliases:
        version = workspace.registry("articles").by_alias(alias)
        if version is not None and version.version == trained.version:
            return alias
    return ""


def _decision(workspace: Workspace, trained: ModelTrained | None) -> str:
    from journalclip_promotion.ledger import Ledger

    answer = Ledger(workspace.store, ledger("articles")).answer(trained.model_id) if trained else None
    return answer.summary() if answer else ""


def _retrieval(workspace: Workspace, model: ModelManifest | None, dataset: DatasetManifest | None) -> dict[str, Json]:
    """Strict figures of the test split before and after training; measured here where no gate asked for them."""
    if model is None or dataset is None or not dataset.splits["test"].pairs:
        return {}
    from journalclip_evaluation.models import evaluate_model
    from journalclip_modeling.data import FrozenDataset

    found = evaluate_model(workspace.store, model, FrozenDataset(workspace.store, dataset), workspace.cache / "models")
    return {
        "before": found.before.evaluation.strict.model_dump(mode="json"),
        "after": found.after.evaluation.strict.model_dump(mode="json"),
    }


def _retrieval_table(retrieval: Mapping[str, Json]) -> Table:
    table = Table(
        "test split", "recall@1", "recall@5", "recall@10 (95 % interval)", "chance", "pool", title="retrieval"
    )
    for when, directions in retrieval.items():
        assert isinstance(directions, Mapping)
        for direction, scores in directions.items():
            assert isinstance(scores, Mapping)
            table.add_row(f"{when} {direction.replace('_', ' ')}", *_cells(scores))
    return table


def _cells(scores: Mapping[str, Json]) -> list[str]:
    bounds = scores["r10_ci"]
    assert isinstance(bounds, list)
    r10 = f"{scores['r10']:.3f} ({' to '.join(f'{bound:.3f}' for bound in bounds)})"
    return [f"{scores['r1']:.3f}", f"{scores['r5']:.3f}", r10, f"{scores['chance10']:.3f}", str(scores["pool"])]
