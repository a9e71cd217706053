"""What came of a run over studies, read back from the working folder's documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from journalclip_pipelines.local.run import RunResult, latest_documents
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared import names
from journalclip_shared.bus import Bus
from journalclip_shared.events import ModelTrained, SourceQuarantined, TrainingRequested
from journalclip_shared.history import facts_of
from journalclip_shared.ids import Json
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.study import StructuredStudy, SubmittedStudy


def submitted_studies(workspace: Workspace) -> Iterator[SubmittedStudy]:
    """By id."""
    for name in workspace.store.list_manifests("studies", names.submitted()):
        found = workspace.store.find_manifest("studies", name)
        if found is not None:
            yield SubmittedStudy.model_validate_json(workspace.store.get(found))


def volumes_without_pair(workspace: Workspace) -> dict[str, Json]:
    """Volumes of which no report says anything, by reason."""
    counts = Counter[str]()
    for document in latest_documents(workspace, "studies").values():
        counts.update(StructuredStudy.model_validate_json(workspace.store.get(document)).without_pair)
    return dict(sorted(counts.items()))


def reports_refused(workspace: Workspace) -> dict[str, Json]:
    """Reports that no record was made of, by code; their studies keep their volumes."""
    documents = latest_documents(workspace, "studies").values()
    failed = [StructuredStudy.model_validate_json(workspace.store.get(each)).report_failed for each in documents]
    return dict(sorted(Counter(each.code for each in failed if each).items()))


def why_not_trained(bus: Bus, dataset_id: str) -> str | None:
    """Why the last training on a dataset gave no model; None where there is one, or none was asked for."""
    if any(fact.dataset_id == dataset_id for fact in facts_of(bus, ModelTrained)):
        return None
    asked = {fact.request_id for fact in facts_of(bus, TrainingRequested) if fact.dataset_id == dataset_id}
    failed = [fact for fact in facts_of(bus, SourceQuarantined) if fact.source_id in asked]
    return f"{failed[-1].code}: {failed[-1].reason}. {failed[-1].remedy}" if failed else None


def summary_of(workspace: Workspace, result: RunResult) -> dict[str, Json]:
    """One flat object; the decision is the ledger's own line."""
    from journalclip_promotion.ledger import Ledger

    registry = workspace.registry("studies")
    candidate, champion = registry.by_alias("candidate"), registry.by_alias("champion")
    answer = Ledger(workspace.store, names.ledger("studies")).answer(candidate.model_id) if candidate else None
    dataset = None
    if result.dataset is not None:
        dataset = DatasetManifest.model_validate_json(workspace.store.get(result.dataset.manifest))
    return {
        "studies": sum(1 for _ in submitted_studies(workspace)),
        "refused": [fact.code for fact in result.submitted.refused],
        "dataset": dataset.dataset_id if dataset else None,
        "splits": {name: {"pairs": p.pairs, "patients": p.articles} for name, p in dataset.splits.items()}
        if dataset
        else {},
        "leaks": dataset.leaks.total if dataset else 0,
        "dropped": dict(dataset.dropped) if dataset else {},
        "reports_refused": reports_refused(workspace),
        "volumes_without_pair": volumes_without_pair(workspace),
        "not_trained": why_not_trained(workspace.bus, dataset.dataset_id) if dataset else None,
        "candidate": candidate.version if candidate else None,
        "champion": champion.version if champion else None,
        "decision": answer.summary() if answer else None,
        "work_done": result.work_done,
    }
