"""Studies in a local run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_pipelines.local.local_kind import Submitted
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_pipelines.studies.reader import spacing_for
from journalclip_shared.consume import Handler
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, SourceQuarantined, StudySubmitted, VolumesExtracted
from journalclip_shared.kinds import Kind

if TYPE_CHECKING:
    from journalclip_inference.handler import Indexer
    from journalclip_training.learning import TrainingKind


@dataclass(frozen=True)
class LocalStudies:
    """`LocalKind` of studies. ``grid`` is the model's, so that volumes are laid out once."""

    grid: tuple[int, int, int] | None = None  # None: extraction's own
    face: bool = True
    burned_in: bool = True
    review: Path | None = None
    layout: StudyFreezeOptions = field(default_factory=StudyFreezeOptions)
    workers: int = 1
    kind: Kind = field(default="studies", init=False)
    titles: tuple[str, str] = field(default=("lay volumes on grid", "structure reports"), init=False)
    extracts: type[Fact] = field(default=StudySubmitted, init=False)
    structures: type[Fact] = field(default=VolumesExtracted, init=False)

    def find(self, folder: Path) -> list[Path]:
        from journalclip_sources.studies.files import find_studies

        if not folder.exists():
            raise PermanentError("input-missing", f"{folder} does not exist", "Give a folder of studies, or a zip.")
        paths = find_studies(folder)
        if not paths or not any(_holds_files(path) for path in paths):
            raise PermanentError("input-empty", f"{folder} holds no study", "Give a folder of studies, or a zip.")
        return paths

    def submit(self, workspace: Workspace, paths: list[Path], reporter: Reporter) -> Submitted:
        """One that cannot be used is announced as quarantined."""
        from journalclip_intake.studies import read_key, submit_study
        from journalclip_sources.studies.cells import reading
        from journalclip_sources.studies.options import DeidentifyOptions

        done = Submitted()
        deidentify = DeidentifyOptions(
            key=read_key(workspace.root / "studies.key"), face=self.face, burned_in=self.burned_in
        )
        with reading() as cell, reporter.stage("read studies", len(paths)) as progress:
            for path in paths:
                found = submit_study(workspace.store, cell, path, deidentify, self.review)
                workspace.bus.publish([Event(found.fact, "study-intake")])
                done.count += 1
                done.new += found.new
                if isinstance(found.fact, SourceQuarantined):
                    done.refused.append(found.fact)
                note = f"{len(done.refused)} refused" if done.refused else ""
                progress.update(done.count, len(paths), note)
        return done

    @contextmanager
    def extraction(self, workspace: Workspace) -> Iterator[Handler]:
        from journalclip_extraction.studies import StudyHandler
        from journalclip_sources.studies.cells import normalising
        from journalclip_sources.studies.options import GridOptions

        options = GridOptions(self.grid, spacing_for(self.grid)) if self.grid else GridOptions()
        with normalising() as cell:
            yield StudyHandler(workspace.store, cell, options)

    def structuring(self, workspace: Workspace) -> Handler:
        from journalclip_structuring.rules import RuleStructurer
        from journalclip_structuring.studies.handler import StudyStructuringHandler

        return StudyStructuringHandler(workspace.store, RuleStructurer())

    def training(self) -> TrainingKind:
        from journalclip_training.studies.learning import StudyTraining

        return StudyTraining()

    def indexer(self, workspace: Workspace, progress: Callable[[int, int], None]) -> Indexer:
        from journalclip_inference.studies.index import StudyIndexer

        return StudyIndexer(workspace.store, workspace.cache, progress)


def _holds_files(path: Path) -> bool:
    return path.is_file() or any(each.is_file() for each in path.rglob("*"))
