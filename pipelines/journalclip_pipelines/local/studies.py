"""Studies in a local run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_pipelines.local.local_kind import Submitted
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_pipelines.studies.reader import spacing_for
from journalclip_shared.consume import Handler
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, SourceQuarantined, StudySubmitted, VolumesExtracted
from journalclip_shared.kinds import Kind
from journalclip_shared.records.report import ReportLanguage
from journalclip_shared.sealed import local_texts
from journalclip_shared.withdrawals import Withdrawals

if TYPE_CHECKING:
    from journalclip_inference.handler import Indexer
    from journalclip_sources.studies.options import DeidentifyOptions
    from journalclip_training.learning import TrainingKind


@dataclass(frozen=True)
class LocalStudies:
    """`LocalKind` of studies. ``grid`` is the model's, so that volumes are laid out once."""

    grid: tuple[int, int, int] | None = None  # None: extraction's own
    face: bool = True
    burned_in: bool = True
    review: Path | None = None
    layout: StudyFreezeOptions = field(default_factory=StudyFreezeOptions)
    columns: tuple[tuple[str, str], ...] = ()  # of a table of reports: role and name
    vault: bool = False  # keep reports' texts, sealed, so that they can be structured anew
    structurer: str = "rules"  # `rules`, `endpoint`, or a model's folder
    report_language: ReportLanguage = "en"  # of the renderings
    unnamed: Literal["attach", "leave"] = "attach"  # reports that name no sequence
    workers: int = 1
    kind: Kind = field(default="studies", init=False)
    titles: tuple[str, str] = field(default=("lay volumes on grid", "structure reports"), init=False)
    extracts: tuple[type[Fact], ...] = field(default=(StudySubmitted,), init=False)
    structures: type[Fact] = field(default=VolumesExtracted, init=False)

    def find(self, folder: Path) -> list[Path]:
        """The folder itself: which of its files are one study is found while they are read."""
        if not folder.exists():
            raise PermanentError("input-missing", f"{folder} does not exist", "Give a folder of studies, or a zip.")
        if not (folder.is_file() or any(each.is_file() for each in folder.rglob("*"))):
            raise PermanentError("input-empty", f"{folder} holds no study", "Give a folder of studies, or a zip.")
        return [folder]

    def submit(self, workspace: Workspace, paths: list[Path], reporter: Reporter) -> Submitted:
        """One that cannot be used is announced as quarantined."""
        from journalclip_intake.studies import submit_study
        from journalclip_sources.studies.cells import reading, surveying
        from journalclip_sources.studies.heads import SurveyOptions
        from journalclip_sources.studies.survey import survey

        done, bundles = Submitted(), []
        texts = local_texts(workspace.store, workspace.root, self.vault)
        deidentify, words = self.deidentify(workspace), Withdrawals(workspace.store)
        options = SurveyOptions(dict(self.columns))
        with surveying() as heads, reporter.stage("look for studies", 0) as progress:
            for path in paths:
                archive = survey(path, heads, options, lambda count: progress.update(count, 0, "files"))
                done.files += archive.files
                done.left_out.update(archive.left_out)
                bundles.extend(archive.bundles)
        with reading() as cell, reporter.stage("read studies", len(bundles)) as progress:
            for bundle in bundles:
                found = submit_study(texts, words, cell, bundle, deidentify, self.review)
                workspace.bus.publish([Event(found.fact, "study-intake")])
                done.count += 1
                done.new += found.new
                if isinstance(found.fact, SourceQuarantined):
                    done.refused.append(found.fact)
                note = f"{len(done.refused)} refused" if done.refused else ""
                progress.update(done.count, len(bundles), note)
        return done

    def deidentify(self, workspace: Workspace) -> DeidentifyOptions:
        """With the working folder's key of pseudonyms."""
        from journalclip_intake.studies import read_key
        from journalclip_sources.studies.options import DeidentifyOptions

        return DeidentifyOptions(key=read_key(workspace.root / "studies.key"), face=self.face, burned_in=self.burned_in)

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
