"""Which handler each stage of a local run drains, and how it is wired: the same for every kind.

Heavy services are imported when their stage has work, never before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from journalclip_pipelines.kinds import source_kind
from journalclip_pipelines.local.local_kind import LocalKind
from journalclip_pipelines.local.stages import Stage, Tick
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.consume import Handler
from journalclip_shared.events import DatasetFrozen, ModelPromoted, ModelTrained, TrainingRequested
from journalclip_shared.names import group
from journalclip_shared.signing import load_signer


@dataclass(frozen=True)
class RunOptions:
    """What a caller of a local run may choose, whatever the kind."""

    recipe: str
    overrides: tuple[str, ...] = ()  # `key=value` over the recipe, e.g. `model.base=FOLDER`
    gates: str = "local"


def stages_before_freezing(workspace: Workspace, local: LocalKind) -> list[Stage]:
    """From sources to pairs."""

    def extraction(_tick: Tick) -> AbstractContextManager[Handler]:
        return local.extraction(workspace)

    @contextmanager
    def structuring(_tick: Tick) -> Iterator[Handler]:
        yield local.structuring(workspace)

    one, two = local.titles
    return [
        Stage(one, group("extraction", local.kind), local.extracts, extraction, local.workers),
        Stage(two, group("structuring", local.kind), (local.structures,), structuring, local.workers),
    ]


def stages_after_freezing(workspace: Workspace, local: LocalKind, gates: str) -> list[Stage]:
    """From a requested training to a searchable champion."""

    @contextmanager
    def promotion(_tick: Tick) -> Iterator[Handler]:
        from journalclip_promotion.handler import PromotionHandler
        from journalclip_promotion.settings import PromotionSettings
        from journalclip_promotion.wiring import build_promoter
        from journalclip_shared.runs import MlflowRuns

        settings = PromotionSettings(workdir=workspace.root, gates=gates)
        runs, registry = MlflowRuns(workspace.mlflow_uri), workspace.registry(local.kind)
        yield PromotionHandler(build_promoter(settings, workspace.store, registry, runs, local.kind), local.kind, runs)

    return [
        training_stage(workspace, local),
        Stage("evaluate and promote", group("promotion", local.kind), (ModelTrained, ModelPromoted), promotion),
        *search_stages(workspace, local),
    ]


def search_stages(workspace: Workspace, local: LocalKind) -> list[Stage]:
    """Everything structured under the champion: its index, then what came after its dataset."""

    @contextmanager
    def indexing(tick: Tick) -> Iterator[Handler]:
        from journalclip_inference.handler import IndexHandler
        from journalclip_inference.index.coverage import StructuredSources

        indexer = local.indexer(workspace, lambda done, total: tick(done, total, ""))
        yield IndexHandler(workspace.store, indexer, StructuredSources(workspace.bus, local.kind))

    @contextmanager
    def segments(_tick: Tick) -> Iterator[Handler]:
        from journalclip_inference.handler import SegmentHandler

        champion = workspace.registry(local.kind).by_alias("champion")  # no other process promotes meanwhile
        indexer = local.indexer(workspace, lambda _done, _total: None)
        yield SegmentHandler(workspace.store, indexer, lambda: champion)

    structured = source_kind(local.kind).structured
    return [
        Stage("embed and index", group("inference-index", local.kind), (ModelPromoted,), indexing, inner=True),
        Stage("index what came later", group("inference-segments", local.kind), (structured,), segments),
    ]


def training_stage(workspace: Workspace, local: LocalKind, device: str = "auto") -> Stage:
    """Requests are made by whoever runs the stage, so no dataset is answered by itself."""

    @contextmanager
    def training(tick: Tick) -> Iterator[Handler]:
        from journalclip_modeling.machine import describe, resolved
        from journalclip_training.config import RunOptions as TrainingOptions
        from journalclip_training.handler import TrainingHandler
        from journalclip_training.tracking import MlflowTracking

        chosen = resolved(device)
        logging.getLogger(__name__).info(describe(chosen))
        yield TrainingHandler(
            store=workspace.store,
            registry=workspace.registry(local.kind),
            kind=local.training(),
            workdir=workspace.scratch,
            tracking=MlflowTracking(workspace.mlflow_uri, workspace.registered_model(local.kind)),
            signer=load_signer(None, workspace.keys),
            options=TrainingOptions(device=chosen),
            progress=lambda step, total, loss: tick(step, total, f"loss {loss:.3f}"),
        )

    return Stage("train", group("training", local.kind), (DatasetFrozen, TrainingRequested), training, inner=True)
