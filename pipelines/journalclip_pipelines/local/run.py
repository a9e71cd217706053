"""`journalclip run`: submit, extract, structure, freeze, train, evaluate and promote, index; then say what came of
it.

Every stage is the cluster's own handler on the local log, so a kill at any moment loses nothing: the next run finds
what is done by its manifests and events, and goes on with the rest. A run with nothing left to do changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_freezing import freeze
from journalclip_intake.articles import Submission, find_deliveries, submit
from journalclip_pipelines.local.handlers import RunOptions, stages_after_freezing, stages_before_freezing
from journalclip_pipelines.local.stages import drain
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.events import DatasetFrozen, Event, PairsStructured, decode


@dataclass
class RunResult:
    """What one call did; the summary reads the rest from the working folder."""

    submissions: list[Submission] = field(default_factory=list)
    handled: int = 0
    dataset: DatasetFrozen | None = None
    new_dataset: bool = False

    @property
    def work_done(self) -> int:
        """New files, handled events and a new dataset: 0 where all was done before."""
        return sum(each.new for each in self.submissions) + self.handled + self.new_dataset


def run(workspace: Workspace, folder: Path, options: RunOptions, reporter: Reporter) -> RunResult:
    """The whole path, once. Raises `PermanentError` where the folder is missing or another run holds the workspace."""
    paths = find_deliveries(folder)
    with workspace.lock():
        result = RunResult(_submit_all(workspace, paths, reporter))
        for stage in stages_before_freezing(workspace, options):
            result.handled += drain(workspace.bus, stage, reporter)
        result.dataset, result.new_dataset = freeze_now(workspace, options, reporter)
        for stage in stages_after_freezing(workspace, options):
            result.handled += drain(workspace.bus, stage, reporter)
    return result


def _submit_all(workspace: Workspace, paths: Sequence[Path], reporter: Reporter) -> list[Submission]:
    with reporter.stage("submit deliveries", len(paths)) as progress:
        done = []
        for path in paths:
            done.append(submit(workspace.store, workspace.bus, path))
            progress.update(len(done), len(paths))
    return done


def freeze_now(workspace: Workspace, options: RunOptions, reporter: Reporter) -> tuple[DatasetFrozen | None, bool]:
    """Freeze what is structured and ask for the recipe; the dataset (None without a pair) and whether it is new.

    The same dataset and recipe are the same event, which the log takes once; another recipe is one more.
    """
    documents = latest_documents(workspace)
    known = {fact.dataset_id for fact in frozen(workspace)}
    with reporter.stage("freeze dataset", 0) as progress:
        dataset = freeze(workspace.store, documents, options.freeze, progress.update)
    if dataset is None:
        return None, False
    asked = dataset.model_copy(update={"recipe": options.recipe, "settings": options.settings})
    workspace.bus.publish([Event(asked, "freeze")])
    return asked, dataset.dataset_id not in known


def latest_documents(workspace: Workspace) -> list[ArtifactRef]:
    """The newest `StructuredArticle` of each article."""
    newest: dict[str, ArtifactRef] = {}
    for delivery in workspace.bus.read(PairsStructured.topic):
        fact = decode(delivery.headers, delivery.body).fact
        assert isinstance(fact, PairsStructured)
        newest[fact.article_id] = fact.document
    return list(newest.values())


def frozen(workspace: Workspace) -> list[DatasetFrozen]:
    """All datasets that were announced, oldest first."""
    facts = (decode(each.headers, each.body).fact for each in workspace.bus.read(DatasetFrozen.topic))
    return [fact for fact in facts if isinstance(fact, DatasetFrozen)]
