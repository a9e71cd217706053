"""Runs the training service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

import torch

from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.signing import load_signer
from journalclip_training.config import RunOptions, with_settings
from journalclip_training.handler import TrainingHandler
from journalclip_training.recipes import recipe
from journalclip_training.reference import FolderReference
from journalclip_training.settings import TrainingSettings
from journalclip_training.tracking import MlflowTracking
from journalclip_training.trainer import Here, Trainer


def _trainer(settings: TrainingSettings) -> Trainer:
    if settings.ray_workers is None:
        return Here()
    import ray  # seconds to import, and an extra that a single machine does without

    from journalclip_training.ray_train import OnRay, RayScale

    ray.init(address=settings.ray_address)
    gpu = settings.device.startswith("cuda")
    return OnRay(settings, RayScale(settings.ray_workers, gpu, settings.ray_failures))


def main() -> None:
    settings = TrainingSettings()
    if settings.threads:
        torch.set_num_threads(settings.threads)

    def build(store: ArtifactStore, _bus: Bus) -> Handler:
        return TrainingHandler(
            store=store,
            registry=MlflowRegistry(settings.registry_uri),
            config=with_settings(recipe(settings.recipe), settings.recipe_set),
            workdir=settings.workdir / "training",
            tracking=MlflowTracking(settings.registry_uri),
            general=FolderReference(settings.general_reference) if settings.general_reference else None,
            signer=load_signer(settings.signing_key_file, settings.own_keys),
            options=RunOptions(settings.device, settings.compile, settings.checkpoint_every, settings.decode_threads),
            trainer=_trainer(settings),
        )

    wiring.main(settings, build)


if __name__ == "__main__":
    main()
