"""`journalclip run` and `journalclip studies run`: submit, extract, structure, freeze, train, promote, index.

Every stage is the cluster's own handler on the local log, so a kill at any moment loses nothing: the next run finds
what is done by its manifests and events, and goes on with the rest. A run with nothing left to do changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from journalclip_freezing import Lost, freeze
from journalclip_pipelines.kinds import source_kind
from journalclip_pipelines.local.handlers import RunOptions, stages_after_freezing, stages_before_freezing
from journalclip_pipelines.local.local_kind import LocalKind, Submitted
from journalclip_pipelines.local.stages import drain
from journalclip_pipelines.local.structurers import refuse_another
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.catalogue.engine import existing
from journalclip_shared.events import DatasetFrozen, Event
from journalclip_shared.history import events_of, facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.names import group
from journalclip_shared.newest import Ranks, newest_of
from journalclip_shared.settings import Settings


@dataclass
class RunResult:
    """What one call did; the summary reads the rest from the working folder."""

    submitted: Submitted
    handled: int = 0
    dataset: DatasetFrozen | None = None
    new_dataset: bool = False

    @property
    def work_done(self) -> int:
        """New files, handled events and a new dataset: 0 where all was done before."""
        return self.submitted.new + self.handled + self.new_dataset


def run(workspace: Workspace, folder: Path, local: LocalKind, options: RunOptions, reporter: Reporter) -> RunResult:
    """The whole path, once.

    Raises `PermanentError` before anything is written: for an unknown recipe or override, a folder that is missing or
    holds no source, or where another run holds the workspace, or its
    records were made by another structurer.
    """
    from journalclip_training.recipes import configure
    from journalclip_training.requests import request

    configure(options.recipe, options.overrides, local.kind)
    paths = local.find(folder)
    with workspace.lock():
        refuse_another(workspace, local.kind, local.structurer)
        result = RunResult(local.submit(workspace, paths, reporter))
        for stage in stages_before_freezing(workspace, local):
            result.handled += drain(workspace.bus, stage, reporter)
        result.dataset, result.new_dataset = freeze_now(workspace, local, reporter)
        if result.dataset is not None:
            # The same training is the same event, which the log takes once; another recipe is one more.
            asked = request(result.dataset, options.recipe, options.overrides, "journalclip run")
            workspace.bus.publish([Event(asked, "journalclip run")])
        for stage in stages_after_freezing(workspace, local, options.gates):
            result.handled += drain(workspace.bus, stage, reporter)
    return result


def freeze_now(workspace: Workspace, local: LocalKind, reporter: Reporter) -> tuple[DatasetFrozen | None, bool]:
    """Freeze what is structured; the dataset (None without a pair) and whether it is new."""
    documents = latest_documents(workspace, local.kind)
    said = [(each.time, each.fact) for each in events_of(workspace.bus, DatasetFrozen)]
    before = {at: fact for at, fact in said if isinstance(fact, DatasetFrozen) and fact.kind == local.kind}
    known, lost = {fact.dataset_id for fact in before.values()}, Lost()
    with reporter.stage("freeze dataset", 0) as progress:
        former = before[max(before)].manifest if before else None
        dataset = freeze(workspace.store, documents.values(), local.layout, progress.update, lost, former)
    sources = {ref.uri: source for source, ref in documents.items()}
    unreadable = lost.quarantines(group("freezing", local.kind), sources)
    workspace.bus.publish([Event(fact, "freeze") for fact in unreadable])
    if dataset is None or dataset.dataset_id in known:
        return dataset, False
    workspace.bus.publish([Event(dataset, "freeze")])
    return dataset, True


def latest_documents(workspace: Workspace, kind: Kind) -> dict[str, ArtifactRef]:
    """The newest structured document of each source."""
    of = source_kind(kind)
    said = ((fact.key, of.document_of(fact)) for fact in facts_of(workspace.bus, of.structured))
    return newest_of(said, Ranks(workspace.store, existing(Settings(workdir=workspace.root))))
