"""Articles in a local run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from journalclip_freezing import FreezeOptions
from journalclip_intake.articles import find_deliveries, submit
from journalclip_pipelines.local.local_kind import Submitted
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_shared.consume import Handler
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import SUBMITTED, Fact, FiguresExtracted
from journalclip_shared.kinds import Kind
from journalclip_shared.withdrawals import Withdrawals

if TYPE_CHECKING:
    from journalclip_inference.handler import Indexer
    from journalclip_training.learning import TrainingKind
    from journalclip_training.wise import Score


@dataclass(frozen=True)
class LocalArticles:
    """`LocalKind` of articles."""

    workers: int = 2
    layout: FreezeOptions = field(default_factory=FreezeOptions)
    structurer: str = "rules"  # `rules`, `endpoint`, `local`, or a model's folder
    general: Score | None = None  # the reference set of forgetting control
    kind: Kind = field(default="articles", init=False)
    titles: tuple[str, str] = field(default=("extract figures", "structure captions"), init=False)
    extracts: tuple[type[Fact], ...] = field(default=SUBMITTED, init=False)
    structures: type[Fact] = field(default=FiguresExtracted, init=False)

    def find(self, folder: Path) -> list[Path]:
        paths = find_deliveries(folder)
        if not paths:
            raise PermanentError(
                "input-empty", f"{folder} holds no PDF and no package", "Give a folder of PDFs and packages, or one."
            )
        return paths

    def submit(self, workspace: Workspace, paths: list[Path], reporter: Reporter) -> Submitted:
        done, words = Submitted(), Withdrawals(workspace.store)
        with reporter.stage("submit deliveries", len(paths)) as progress:
            for path in paths:
                done.new += submit(workspace.store, workspace.bus, path, words).new
                done.count += 1
                progress.update(done.count, len(paths))
        return done

    @contextmanager
    def extraction(self, workspace: Workspace) -> Iterator[Handler]:
        from journalclip_extraction.article import ExtractOptions
        from journalclip_extraction.handler import ExtractionHandler
        from journalclip_extraction.sandbox import Sandbox
        from journalclip_sources.sandbox import Limits

        with Sandbox(Limits()) as sandbox:
            yield ExtractionHandler(workspace.store, sandbox, ExtractOptions())

    def structuring(self, workspace: Workspace) -> Handler:
        from journalclip_structuring.build import structurer_named
        from journalclip_structuring.handler import StructuringHandler

        return StructuringHandler(workspace.store, structurer_named(self.structurer, workspace.root))

    def training(self) -> TrainingKind:
        from journalclip_training.articles.learning import ArticleTraining

        return ArticleTraining(general=self.general)

    def indexer(self, workspace: Workspace, progress: Callable[[int, int], None]) -> Indexer:
        from journalclip_inference.handler import FigureIndexer

        return FigureIndexer(workspace.store, workspace.cache, progress)
