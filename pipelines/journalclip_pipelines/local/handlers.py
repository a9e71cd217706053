"""Which handler each stage of a local run drains, and how it is wired. The only place that knows all services.

Heavy services are imported when their stage has work, never before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from journalclip_pipelines.freeze import FreezeOptions
from journalclip_pipelines.local.stages import Stage, Tick
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.consume import Handler
from journalclip_shared.events import ArticleSubmitted, DatasetFrozen, FiguresExtracted, ModelPromoted, ModelTrained


@dataclass(frozen=True)
class RunOptions:
    """What a caller of a local run may choose."""

    recipe: str = "demo"
    base: str = ""  # a CLIP checkpoint's name or folder; empty: the recipe's own
    workers: int = 2
    freeze: FreezeOptions = field(default_factory=FreezeOptions)

    @classmethod
    def of(cls, recipe: str, base: str, workers: int) -> RunOptions:
        return cls(recipe, base, workers or os.cpu_count() or 1)


def stages_before_freezing(workspace: Workspace, options: RunOptions) -> list[Stage]:
    """From PDFs to pairs."""

    @contextmanager
    def extraction(_tick: Tick) -> Iterator[Handler]:
        from journalclip_extraction.article import ExtractOptions
        from journalclip_extraction.handler import ExtractionHandler
        from journalclip_extraction.sandbox import Limits, Sandbox

        with Sandbox(Limits()) as sandbox:
            yield ExtractionHandler(workspace.store, sandbox, ExtractOptions())

    @contextmanager
    def structuring(_tick: Tick) -> Iterator[Handler]:
        from journalclip_structuring.handler import StructuringHandler
        from journalclip_structuring.rules import RuleStructurer

        yield StructuringHandler(workspace.store, RuleStructurer())

    return [
        Stage("extract figures", "extraction", (ArticleSubmitted,), extraction, options.workers),
        Stage("structure captions", "structuring", (FiguresExtracted,), structuring, options.workers),
    ]


def stages_after_freezing(workspace: Workspace, options: RunOptions) -> list[Stage]:
    """From a dataset to a searchable champion."""
    return []
