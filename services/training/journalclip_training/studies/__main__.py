"""The training service for studies: settings -> clients -> handler -> loop."""

from __future__ import annotations

import torch

from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.registry import MlflowRegistry
from journalclip_training.config import RunOptions
from journalclip_training.settings import TrainingSettings
from journalclip_training.studies.config import with_study_settings
from journalclip_training.studies.handler import REGISTERED, StudyTrainingHandler
from journalclip_training.studies.recipes import study_recipe
from journalclip_training.tracking import MlflowTracking


def main() -> None:
    settings = TrainingSettings()
    if settings.threads:
        torch.set_num_threads(settings.threads)

    def build(store: ArtifactStore, _bus: Bus) -> Handler:
        return StudyTrainingHandler(
            store=store,
            registry=MlflowRegistry(settings.registry_uri, REGISTERED),
            config=with_study_settings(study_recipe(settings.recipe), settings.recipe_set),
            workdir=settings.workdir / "training",
            tracking=MlflowTracking(settings.registry_uri, REGISTERED),
            options=RunOptions(settings.device, checkpoint_every=settings.checkpoint_every),
        )

    wiring.main(settings, build)


if __name__ == "__main__":
    main()
