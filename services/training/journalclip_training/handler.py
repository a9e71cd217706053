"""A frozen dataset in, a registered candidate out: ``datasets.frozen`` -> ``models.trained``.

The model's id digests dataset, configuration (recipe, settings and seed) and starting point, so an event that comes
again, or a process that was killed, means the same model, and another recipe means another. Order of effects:
checkpoint after checkpoint in the work folder, then files, then the manifest (last write: from here on the work counts
as done), then the registry's version with the manifest's signature, and its alias.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import DatasetFrozen, Event, Fact, ModelTrained
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import make_id
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.signing import SIGNATURE_TAG, Signer
from journalclip_training.base import describe_base
from journalclip_training.candidate import Making, Progress, silent
from journalclip_training.config import RunOptions, TrainConfig, with_settings
from journalclip_training.recipes import recipe
from journalclip_training.tracking import Tracking, Untracked
from journalclip_training.trainer import Here, Trainer
from journalclip_training.wise import Score

__all__ = ["Progress", "TrainingHandler", "model_id_of", "silent"]


def model_id_of(dataset_id: str, config: TrainConfig, base: str) -> str:
    return make_id("mdl", dataset_id, config.digest, base)


@dataclass
class TrainingHandler:
    """Idempotent; ``workdir`` holds what a killed run resumes from and is emptied when the run is done."""

    store: ArtifactStore
    registry: ModelRegistry
    config: TrainConfig  # of events that ask for no recipe
    workdir: Path
    tracking: Tracking = Untracked()  # noqa: RUF009 - it has no state
    options: RunOptions = RunOptions()  # noqa: RUF009 - frozen
    progress: Progress = silent
    general: Score | None = None  # the general reference set of forgetting control; None where there is none
    signer: Signer | None = None  # promotion may refuse what nobody signed
    trainer: Trainer = Here()  # noqa: RUF009 - frozen

    group = "training"
    consumes: tuple[type[Fact], ...] = (DatasetFrozen,)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `DatasetTooSmall`, `TrainingDiverged`, `BaseUnavailable`, `RecipeUnknown`, `SettingInvalid`, and what
        store and registry raise."""
        frozen = cast(DatasetFrozen, event.fact)
        if frozen.kind != "figures":  # a handler of its own trains on studies
            return []
        config = with_settings(recipe(frozen.recipe), frozen.settings) if frozen.recipe else self.config
        base = describe_base(config)
        model_id = model_id_of(frozen.dataset_id, config, base)
        name = f"trained/{model_id}"
        ref = self.store.find_manifest("models", name)
        if ref is None:
            manifest = self._making(frozen, config, model_id, base).run()
            hit("training.trained")
            ref = self.store.put_manifest("models", name, manifest.canonical())
            shutil.rmtree(self.workdir / model_id, ignore_errors=True)
        return [self._registered(ModelManifest.model_validate_json(self.store.get(ref)), ref)]

    def _making(self, frozen: DatasetFrozen, config: TrainConfig, model_id: str, base: str) -> Making:
        return Making(
            store=self.store,
            tracking=self.tracking,
            trainer=self.trainer,
            config=config,
            options=self.options,
            progress=self.progress,
            general=self.general,
            frozen=frozen,
            model_id=model_id,
            base=base,
            folder=self.workdir / model_id,
        )

    def _registered(self, manifest: ModelManifest, ref: ArtifactRef) -> ModelTrained:
        tags = {"recipe": manifest.recipe, "base": manifest.base, "dataset_id": manifest.dataset_id}
        if self.signer is not None:
            tags[SIGNATURE_TAG] = self.signer.sign(ref)
        found = self.registry.register(manifest.model_id, ref, manifest.run_id, tags)
        if self.signer is not None and not self.signer.verify(ref, found.tags.get(SIGNATURE_TAG, "")):
            # Registered before there was a key, or under another one.
            self.registry.tag(found.version, SIGNATURE_TAG, tags[SIGNATURE_TAG])
        hit("training.registered")
        candidate = self.registry.by_alias("candidate")
        if candidate is None or int(candidate.version) < int(found.version):  # a late duplicate never turns it back
            self.registry.set_alias("candidate", found.version)
        return ModelTrained(
            model_id=manifest.model_id, dataset_id=manifest.dataset_id, manifest=ref, version=found.version
        )
