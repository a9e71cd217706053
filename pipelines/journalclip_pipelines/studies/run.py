"""`journalclip studies run`: a folder of studies to a promoted, searchable study model, in one process.

Every stage is the cluster's own handler on the local log, as in `journalclip run`: a kill at any moment loses nothing,
and a run with nothing left to do changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from journalclip_freezing.studies import StudyFreezeOptions, freeze_studies
from journalclip_pipelines.local.stages import Stage, Tick, drain
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_pipelines.studies.reader import spacing_for
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.consume import Handler
from journalclip_shared.events import (
    DatasetFrozen,
    Event,
    ModelPromoted,
    ModelTrained,
    SourceQuarantined,
    StudyStructured,
    StudySubmitted,
    VolumesExtracted,
    decode,
)
from journalclip_shared.records.report import ReportLanguage
from journalclip_shared.registry import MlflowRegistry

REGISTERED = "journalclip-studies"


@dataclass(frozen=True)
class StudyRunOptions:
    """What a caller of a local run may choose."""

    recipe: str = "study_demo"
    settings: tuple[str, ...] = ()
    gates: str = "local"
    face: bool = True
    burned_in: bool = True
    review: Path | None = None
    columns: tuple[tuple[str, str], ...] = ()  # of a table of reports: role and name
    freeze: StudyFreezeOptions = field(default_factory=StudyFreezeOptions)
    structurer: str = "rules"  # `rules`, `endpoint`, or a model's folder
    report_language: ReportLanguage = "en"  # of the renderings
    unnamed: Literal["attach", "leave"] = "attach"  # reports that name no sequence


@dataclass
class StudyRunResult:
    """What one call did and what stands afterwards."""

    submitted: int = 0
    new: int = 0
    refused: list[SourceQuarantined] = field(default_factory=list)
    handled: int = 0
    files: int = 0
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)  # files of no study, by code and reason
    dataset: DatasetFrozen | None = None

    @property
    def work_done(self) -> int:
        return self.new + self.handled


def registry_of(workspace: Workspace) -> MlflowRegistry:
    """The registered model of studies."""
    return MlflowRegistry(workspace.mlflow_uri, REGISTERED)


def run_studies(workspace: Workspace, folder: Path, options: StudyRunOptions, reporter: Reporter) -> StudyRunResult:
    """The whole path, once. Raises `PermanentError` where another run holds the workspace."""
    with workspace.lock():
        result = submit_studies(workspace, folder, options, reporter)
        for stage in stages_before_freezing(workspace, options):
            result.handled += drain(workspace.bus, stage, reporter)
        with reporter.stage("freeze dataset", 0) as progress:
            result.dataset = freeze_studies(
                workspace.store, latest_documents(workspace), options.freeze, progress.update
            )
        if result.dataset is not None:
            workspace.bus.publish([Event(result.dataset, "freeze")])
        for stage in stages_after_freezing(workspace, options):
            result.handled += drain(workspace.bus, stage, reporter)
    return result


def submit_studies(workspace: Workspace, folder: Path, options: StudyRunOptions, reporter: Reporter) -> StudyRunResult:
    """Read, store and announce what lies below ``folder``; one that cannot be used is announced as quarantined."""
    from journalclip_intake.studies import read_key, submit_study
    from journalclip_sources.studies.cells import reading, surveying
    from journalclip_sources.studies.heads import SurveyOptions
    from journalclip_sources.studies.options import DeidentifyOptions
    from journalclip_sources.studies.survey import survey

    deidentify = DeidentifyOptions(
        key=read_key(workspace.root / "studies.key"), face=options.face, burned_in=options.burned_in
    )
    result = StudyRunResult()
    with surveying() as heads, reporter.stage("look for studies", 0) as progress:
        archive = survey(folder, heads, SurveyOptions(dict(options.columns)), lambda n: progress.update(n, 0, "files"))
    result.files, result.left_out = archive.files, archive.left_out
    total = len(archive.bundles)
    with reading() as cell, reporter.stage("read studies", total) as progress:
        for bundle in archive.bundles:
            done = submit_study(workspace.store, cell, bundle, deidentify, options.review)
            workspace.bus.publish([Event(done.fact, "study-intake")])
            result.submitted += 1
            result.new += done.new
            if isinstance(done.fact, SourceQuarantined):
                result.refused.append(done.fact)
            progress.update(result.submitted, total, f"{len(result.refused)} refused" if result.refused else "")
    return result


def latest_documents(workspace: Workspace) -> list[ArtifactRef]:
    """The newest `StructuredStudy` of each study."""
    newest: dict[str, ArtifactRef] = {}
    for delivery in workspace.bus.read(StudyStructured.topic):
        fact = decode(delivery.headers, delivery.body).fact
        assert isinstance(fact, StudyStructured)
        newest[fact.study_id] = fact.document
    return list(newest.values())


def stages_before_freezing(workspace: Workspace, options: StudyRunOptions) -> list[Stage]:
    """From submitted studies to pairs."""

    @contextmanager
    def extraction(_tick: Tick) -> Iterator[Handler]:
        from journalclip_extraction.studies import StudyHandler
        from journalclip_sources.studies.cells import normalising
        from journalclip_sources.studies.options import GridOptions

        grid = _config(options).model.grid
        with normalising() as cell:
            yield StudyHandler(workspace.store, cell, GridOptions(grid, spacing_for(grid)))

    @contextmanager
    def structuring(_tick: Tick) -> Iterator[Handler]:
        from journalclip_structuring.build import structurer_named
        from journalclip_structuring.studies.handler import ReportOptions, StudyStructuringHandler

        reports = ReportOptions(options.report_language, options.unnamed)
        yield StudyStructuringHandler(workspace.store, structurer_named(options.structurer), reports)

    return [
        Stage("lay volumes on grid", "extraction-studies", (StudySubmitted,), extraction),
        Stage("structure reports", "structuring-studies", (VolumesExtracted,), structuring),
    ]


def stages_after_freezing(workspace: Workspace, options: StudyRunOptions) -> list[Stage]:
    """From a dataset to a searchable champion."""

    @contextmanager
    def training(tick: Tick) -> Iterator[Handler]:
        from journalclip_training.studies.handler import StudyTrainingHandler
        from journalclip_training.tracking import MlflowTracking

        yield StudyTrainingHandler(
            store=workspace.store,
            registry=registry_of(workspace),
            config=_config(options),
            workdir=workspace.scratch,
            tracking=MlflowTracking(workspace.mlflow_uri, REGISTERED),
            progress=lambda step, total, loss: tick(step, total, f"loss {loss:.3f}"),
        )

    @contextmanager
    def promotion(_tick: Tick) -> Iterator[Handler]:
        from journalclip_promotion.handler import PromotionHandler
        from journalclip_promotion.settings import PromotionSettings
        from journalclip_promotion.wiring import build_promoter

        settings = PromotionSettings(workdir=workspace.root, gates=options.gates)
        promoter = build_promoter(settings, workspace.store, registry_of(workspace), kind="studies")
        yield PromotionHandler(promoter, group="promotion-studies", kind="studies")

    @contextmanager
    def indexing(tick: Tick) -> Iterator[Handler]:
        from journalclip_inference.studies.index import StudyIndexHandler

        yield StudyIndexHandler(workspace.store, workspace.cache, lambda done, total: tick(done, total, ""))

    return [
        Stage("train", "training-studies", (DatasetFrozen,), training, inner=True),
        Stage("evaluate and promote", "promotion-studies", (ModelTrained, ModelPromoted), promotion),
        Stage("embed and index", "inference-index-studies", (ModelPromoted,), indexing, inner=True),
    ]


def _config(options: StudyRunOptions):  # type: ignore[no-untyped-def]  # torch is imported only where it is needed
    from journalclip_training.studies.config import with_study_settings
    from journalclip_training.studies.recipes import study_recipe

    return with_study_settings(study_recipe(options.recipe), options.settings)
