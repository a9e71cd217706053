"""Which handler each stage of a local run drains, and how it is wired. The only place that knows all services.

Heavy services are imported when their stage has work, never before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from journalclip_freezing import FreezeOptions
from journalclip_pipelines.local.stages import Stage, Tick
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.consume import Handler
from journalclip_shared.events import (
    ArticleSubmitted,
    DatasetFrozen,
    DeliverySubmitted,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
)
from journalclip_shared.signing import load_signer


@dataclass(frozen=True)
class RunOptions:
    """What a caller of a local run may choose."""

    recipe: str = "demo"
    settings: tuple[str, ...] = ()  # `key=value` over the recipe, e.g. `model.base=FOLDER`
    gates: str = "local"
    workers: int = 2
    freeze: FreezeOptions = field(default_factory=FreezeOptions)


def stages_before_freezing(workspace: Workspace, options: RunOptions) -> list[Stage]:
    """From PDFs to pairs."""

    @contextmanager
    def extraction(_tick: Tick) -> Iterator[Handler]:
        from journalclip_extraction.article import ExtractOptions
        from journalclip_extraction.handler import ExtractionHandler
        from journalclip_extraction.sandbox import Sandbox
        from journalclip_sources.sandbox import Limits

        with Sandbox(Limits()) as sandbox:
            yield ExtractionHandler(workspace.store, sandbox, ExtractOptions())

    @contextmanager
    def structuring(_tick: Tick) -> Iterator[Handler]:
        from journalclip_structuring.handler import StructuringHandler
        from journalclip_structuring.rules import RuleStructurer

        yield StructuringHandler(workspace.store, RuleStructurer())

    return [
        Stage("extract figures", "extraction", (ArticleSubmitted, DeliverySubmitted), extraction, options.workers),
        Stage("structure captions", "structuring", (FiguresExtracted,), structuring, options.workers),
    ]


def stages_after_freezing(workspace: Workspace, options: RunOptions) -> list[Stage]:
    """From a dataset to a searchable champion."""

    @contextmanager
    def training(tick: Tick) -> Iterator[Handler]:
        from journalclip_training.config import with_settings
        from journalclip_training.handler import TrainingHandler
        from journalclip_training.recipes import recipe
        from journalclip_training.tracking import MlflowTracking

        yield TrainingHandler(
            store=workspace.store,
            registry=workspace.registry,
            config=with_settings(recipe(options.recipe), options.settings),
            workdir=workspace.scratch,
            tracking=MlflowTracking(workspace.mlflow_uri),
            signer=load_signer(None, workspace.keys),
            progress=lambda step, total, loss: tick(step, total, f"loss {loss:.3f}"),
        )

    @contextmanager
    def promotion(_tick: Tick) -> Iterator[Handler]:
        from journalclip_promotion.handler import PromotionHandler
        from journalclip_promotion.settings import PromotionSettings
        from journalclip_promotion.wiring import build_promoter
        from journalclip_shared.runs import MlflowRuns

        settings = PromotionSettings(workdir=workspace.root, gates=options.gates)
        runs = MlflowRuns(workspace.mlflow_uri)
        yield PromotionHandler(build_promoter(settings, workspace.store, workspace.registry, runs), runs)

    @contextmanager
    def indexing(tick: Tick) -> Iterator[Handler]:
        from journalclip_inference.handler import IndexHandler

        yield IndexHandler(workspace.store, workspace.cache, lambda done, total: tick(done, total, ""))

    return [
        Stage("train", "training", (DatasetFrozen,), training, inner=True),
        Stage("evaluate and promote", "promotion", (ModelTrained, ModelPromoted), promotion),
        Stage("embed and index", "inference-index", (ModelPromoted,), indexing, inner=True),
    ]
