"""What came of a run, for a person and as one JSON object.

Everything is read back from the working folder's manifests and log, never remembered from the run itself: a second run
that did no work prints the same summary with ``work_done`` 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from journalclip_pipelines.local.run import RunResult
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.status import SourceStatus, article_states, quarantined
from journalclip_pipelines.submit import copies
from journalclip_shared.events import ModelPromoted, ModelTrained, decode
from journalclip_shared.ids import Json
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest


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
        figures, pairs = sum(a.figures for a in self.articles), sum(a.pairs for a in self.articles)
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
    trained = _latest(workspace, ModelTrained, dataset.dataset_id if dataset else "")
    model = ModelManifest.model_validate_json(workspace.store.get(trained.manifest)) if trained else None
    outcome = evaluation_of(workspace, trained.model_id) if trained else Outcome()
    return Summary(
        articles=article_states(workspace.bus.read),
        quarantine=quarantined(workspace.bus.read),
        copies=sum(map(len, copies(workspace.store).values())),
        dataset=dataset,
        model=model,
        version=trained.version if trained else "",
        alias=outcome.alias,
        decision=outcome.decision,
        retrieval=outcome.retrieval,
        work_done=result.work_done,
    )
