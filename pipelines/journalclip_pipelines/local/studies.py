"""Studies in a local run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.studies.laid import spacing_for
from journalclip_pipelines.studies.taking_in import TakingIn
from journalclip_shared.consume import Handler
from journalclip_shared.events import Fact, StudySubmitted, VolumesExtracted
from journalclip_shared.kinds import Kind
from journalclip_shared.records.report import ReportLanguage
from journalclip_shared.sealed import local_texts

if TYPE_CHECKING:
    from journalclip_inference.handler import Indexer
    from journalclip_training.learning import TrainingKind


@dataclass(frozen=True)
class LocalStudies(TakingIn):
    """`LocalKind` of studies. ``grid`` is the model's, so that volumes are laid out once."""

    grid: tuple[int, int, int] | None = None  # None: extraction's own
    layout: StudyFreezeOptions = field(default_factory=StudyFreezeOptions)
    structurer: str = "rules"  # `rules`, `endpoint`, or a model's folder
    report_language: ReportLanguage = "en"  # of the renderings
    unnamed: Literal["attach", "leave"] = "attach"  # reports that name no sequence
    workers: int = 1
    kind: Kind = field(default="studies", init=False)
    titles: tuple[str, str] = field(default=("lay volumes on grid", "structure reports"), init=False)
    extracts: tuple[type[Fact], ...] = field(default=(StudySubmitted,), init=False)
    structures: type[Fact] = field(default=VolumesExtracted, init=False)

    @contextmanager
    def extraction(self, workspace: Workspace) -> Iterator[Handler]:
        from journalclip_extraction.studies import StudyHandler
        from journalclip_sources.studies.cells import normalising
        from journalclip_sources.studies.options import GridOptions

        options = GridOptions(self.grid, spacing_for(self.grid)) if self.grid else GridOptions()
        with normalising() as cell:
            yield StudyHandler(workspace.store, cell, options)

    def structuring(self, workspace: Workspace) -> Handler:
        from journalclip_structuring.build import structurer_named
        from journalclip_structuring.studies.handler import ReportOptions, StudyStructuringHandler

        reports = ReportOptions(self.report_language, self.unnamed)
        return StudyStructuringHandler(
            workspace.store,
            structurer_named(self.structurer, workspace.root, "studies"),
            reports,
            local_texts(workspace.store, workspace.root),
        )

    def training(self) -> TrainingKind:
        from journalclip_training.studies.learning import StudyTraining

        return StudyTraining()

    def indexer(self, workspace: Workspace, progress: Callable[[int, int], None]) -> Indexer:
        from journalclip_inference.studies.index import StudyIndexer

        return StudyIndexer(workspace.store, workspace.cache, progress)
