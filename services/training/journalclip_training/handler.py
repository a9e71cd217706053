"""A request in, a registered candidate out: ``trainings.requested`` -> ``models.trained``, for one kind.

The model's id digests dataset, configuration (recipe, overrides and seed) and starting point, so a request that comes
again, or a process that was killed, means the same model, and another recipe means another. Order of effects:
checkpoint after checkpoint in the work folder, then files, then the manifest (last write: from here on the work counts
as done), then the registry's version with the manifest's signature, and its alias.

A frozen dataset is answered with the request that the installation makes by default.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import DatasetFrozen, Event, Fact, ModelTrained, TrainingRequested
from journalclip_shared.failpoints import hit
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.signing import SIGNATURE_TAG, Signer
from journalclip_training.candidate import Progress, TrainingRun, model_id_of, silent
from journalclip_training.config import RunOptions
from journalclip_training.learning import Job, TrainingKind
from journalclip_training.requests import DefaultTraining
from journalclip_training.tracking import NullTracking, Tracking

__all__ = ["Progress", "TrainingHandler", "model_id_of", "silent"]


@dataclass
class TrainingHandler:
    """Idempotent; ``workdir`` holds what a killed run resumes from and is emptied when the run is done."""

    store: ArtifactStore
    registry: ModelRegistry
    kind: TrainingKind
    workdir: Path
    default: DefaultTraining | None = None  # what a new dataset is answered with; None: nothing
    tracking: Tracking = NullTracking()  # noqa: RUF009 - it has no state
    options: RunOptions = RunOptions()  # noqa: RUF009 - frozen
    progress: Progress = silent
    signer: Signer | None = None  # promotion may refuse what nobody signed

    consumes: tuple[type[Fact], ...] = (DatasetFrozen, TrainingRequested)

    def __post_init__(self) -> None:
        self.group = names.group("training", self.kind.kind)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `DatasetTooSmall`, `TrainingDiverged`, `BaseUnavailable`, `RecipeUnknown`, `SettingInvalid`, and what
        store and registry raise."""
        fact = event.fact
        if isinstance(fact, DatasetFrozen):
            return self.default.answer(fact) if self.default is not None else []
        if not isinstance(fact, TrainingRequested):
            raise TypeError(f"{type(fact).__name__} is not for training")
        return [self.train(fact)] if fact.kind == self.kind.kind else []

    def train(self, wanted: TrainingRequested) -> ModelTrained:
        """As `handle`, for callers that have a request and no bus."""
        config = self.kind.configure(wanted.recipe, wanted.overrides)
        base = self.kind.base(config)
        model_id = model_id_of(wanted.dataset_id, config, base)
        ref = self.store.find_manifest("models", names.trained(model_id))
        if ref is None:
            folder = self.workdir / model_id
            job = Job(self.store, wanted.manifest, config, self.options, model_id, folder)
            run = TrainingRun(wanted, job, base, self.kind.open(job), self.tracking, self.progress)
            manifest = run.run()
            hit("training.trained")
            ref = self.store.put_manifest("models", names.trained(model_id), manifest.canonical())
            shutil.rmtree(folder, ignore_errors=True)
        return self._registered(ModelManifest.model_validate_json(self.store.get(ref)), ref)

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
            model_id=manifest.model_id,
            dataset_id=manifest.dataset_id,
            manifest=ref,
            version=found.version,
            kind=manifest.kind,
        )
