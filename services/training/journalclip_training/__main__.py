"""Runs the training service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

import logging
import signal
import threading

import torch

from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Loop
from journalclip_shared.registry import MlflowRegistry
from journalclip_training.config import RunOptions, with_settings
from journalclip_training.handler import TrainingHandler
from journalclip_training.recipes import recipe
from journalclip_training.settings import TrainingSettings
from journalclip_training.tracking import MlflowTracking


def main() -> None:
    settings = TrainingSettings()
    logging.basicConfig(level=logging.INFO)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    mlflow_uri = settings.mlflow_uri or f"sqlite:///{settings.workdir / 'mlflow.sqlite'}"
    handler = TrainingHandler(
        store=LocalArtifacts(settings.workdir / "artifacts"),
        registry=MlflowRegistry(mlflow_uri),
        config=with_settings(recipe(settings.recipe), settings.recipe_set),
        workdir=settings.workdir / "training",
        tracking=MlflowTracking(mlflow_uri),
        options=RunOptions(settings.device, settings.compile, settings.checkpoint_every, settings.decode_threads),
    )
    Loop(SqliteBus(settings.workdir / "events.sqlite"), handler).run(stop)


if __name__ == "__main__":
    main()
