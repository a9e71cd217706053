"""Runs the training service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

import sys

import torch

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.wiring import serve
from journalclip_training.config import RunOptions, with_settings
from journalclip_training.handler import TrainingHandler
from journalclip_training.recipes import recipe
from journalclip_training.reference import FolderReference
from journalclip_training.settings import TrainingSettings
from journalclip_training.tracking import MlflowTracking


def main() -> int:
    settings = TrainingSettings()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    mlflow_uri = settings.mlflow_uri or f"sqlite:///{settings.workdir / 'mlflow.db'}"

    def build(store: ArtifactStore) -> TrainingHandler:
        return TrainingHandler(
            store=store,
            registry=MlflowRegistry(mlflow_uri),
            config=with_settings(recipe(settings.recipe), settings.recipe_set),
            workdir=settings.workdir / "training",
            tracking=MlflowTracking(mlflow_uri),
            general=FolderReference(settings.general_reference) if settings.general_reference else None,
            options=RunOptions(settings.device, settings.compile, settings.checkpoint_every, settings.decode_threads),
        )

    return serve(settings, build)


if __name__ == "__main__":
    sys.exit(main())
