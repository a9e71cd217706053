"""The training handler with what its settings name: the same in the service's loop and in a run on its own (`job`)."""

from __future__ import annotations

import logging

import torch

from journalclip_modeling.machine import AUTO, describe, resolved
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.signing import load_signer
from journalclip_training.articles.learning import ArticleTraining
from journalclip_training.config import RunOptions
from journalclip_training.handler import TrainingHandler
from journalclip_training.learning import TrainingKind
from journalclip_training.recipes import configure
from journalclip_training.reference import FolderReference
from journalclip_training.requests import DefaultTraining
from journalclip_training.settings import TrainingSettings
from journalclip_training.studies.learning import StudyTraining
from journalclip_training.tracking import MlflowTracking
from journalclip_training.trainer import LocalTrainer, Trainer

_log = logging.getLogger(__name__)


def use_threads(settings: TrainingSettings) -> None:
    if settings.threads:
        torch.set_num_threads(settings.threads)


def build(settings: TrainingSettings, store: ArtifactStore, kind: Kind) -> TrainingHandler:
    """Raises `RecipeUnknown`, `SettingInvalid`, and as `load_signer`; with ``ray_workers``, connects to Ray."""
    default = DefaultTraining.of(kind, settings.recipe, settings.recipe_set)
    if not default.off:
        configure(default.recipe, default.overrides, kind)
    # On a cluster each worker has its own device, and this process, which has none, runs on its CPU.
    device = resolved(settings.device) if settings.ray_workers is None else "cpu"
    _log.info(describe(device))
    name = settings.registered_model(kind)
    return TrainingHandler(
        store=store,
        registry=MlflowRegistry(settings.registry_uri, name),
        kind=training_kind(settings, kind),
        workdir=settings.workdir / "training",
        default=default,
        tracking=MlflowTracking(settings.registry_uri, name),
        signer=load_signer(settings.signing_key_file, settings.own_keys),
        options=RunOptions(device, settings.compile, settings.checkpoint_every, settings.decode_threads),
    )


def training_kind(settings: TrainingSettings, kind: Kind) -> TrainingKind:
    if kind == "studies":
        return StudyTraining(_trainer(settings))
    general = FolderReference(settings.general_reference) if settings.general_reference else None
    return ArticleTraining(_trainer(settings), general)


def _trainer(settings: TrainingSettings) -> Trainer:
    if settings.ray_workers is None:
        return LocalTrainer()
    import ray  # seconds to import, and an extra that a single machine does without

    from journalclip_training.ray_train import RayScale, RayTrainer

    ray.init(address=settings.ray_address)
    there = ray.cluster_resources().get("GPU", 0) > 0
    gpu = there if settings.device == AUTO else settings.device.startswith("cuda")
    scale = RayScale(settings.ray_workers, gpu, settings.ray_failures, settings.ray_gpus, settings.ray_storage)
    return RayTrainer(settings, scale)
