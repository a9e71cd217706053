"""A frozen dataset of studies in, a registered candidate out; `journalclip_training.handler` is its model.

The model's id digests dataset, configuration and start. Order of effects: start saved, checkpoints, files, manifest
(from here on the work counts as done), registry version, alias. Datasets of figures are another handler's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from journalclip_modeling.folder import upload_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import (
    StudyFolder,
    load_study_folder,
    save_study_folder,
)
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import DatasetFrozen, Event, Fact, ModelTrained
from journalclip_shared.ids import make_id
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import ModelRegistry
from journalclip_training.candidate import Progress, flat, silent
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.samples import StudySamples
from journalclip_training.studies.start import describe_study_base, load_study_base
from journalclip_training.tracking import Lineage, Tracking, Untracked

REGISTERED = "journalclip-studies"  # the registered model of studies; figures have their own


@dataclass
class StudyTrainingHandler:
    """Idempotent; ``workdir`` holds what a killed run resumes from."""

    store: ArtifactStore
    registry: ModelRegistry
    config: StudyTrainConfig
    workdir: Path
    tracking: Tracking = Untracked()  # noqa: RUF009 - it has no state
    options: RunOptions = RunOptions()  # noqa: RUF009 - frozen
    progress: Progress = silent

    group = "training-studies"
    consumes: tuple[type[Fact], ...] = (DatasetFrozen,)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `DatasetTooSmall`, `TrainingDiverged`, `GridMismatch`, and what store and registry raise."""
        frozen = cast(DatasetFrozen, event.fact)
        if frozen.kind != "studies":
            return []
        base = describe_study_base(self.config)
        model_id = make_id("mdl", frozen.dataset_id, self.config.digest, base)
        name = f"trained/{model_id}"
        ref = self.store.find_manifest("models", name)
        if ref is None:
            manifest = self._train(frozen, model_id, base)
            ref = self.store.put_manifest("models", name, manifest.canonical())
            shutil.rmtree(self.workdir / model_id, ignore_errors=True)
        return [self._registered(ModelManifest.model_validate_json(self.store.get(ref)), ref)]

    def _train(self, frozen: DatasetFrozen, model_id: str, base: str) -> ModelManifest:
        dataset, folder = FrozenStudies.open(self.store, frozen.manifest), self.workdir / model_id
        samples = load_samples(dataset, "train", self.config.model)
        if len(samples) < self.config.data.min_studies:
            raise DatasetTooSmall(frozen.dataset_id, len(samples), self.config.data.min_studies)
        start = self._start(folder, samples)
        start_files = upload_folder(self.store, folder / "start")
        part = dataset.manifest.splits["train"]
        lineage = Lineage(dataset.manifest.dataset_id, dataset.manifest.digest, frozen.manifest.uri, part.pairs)
        run_id = self.tracking.open(
            model_id, {"model_id": model_id, "base": base, **flat(asdict(self.config))}, lineage
        )

        def observe(point: Point, steps: int) -> None:
            self.progress(point.step + 1, steps, point.loss)

        fitted = fit_studies(
            self.config, start.model, start.tokenizer, samples, folder, options=self.options, observe=observe
        )
        self.tracking.curve(run_id, fitted.curve)
        metrics = {"final_loss": fitted.final_loss, "first_loss": fitted.curve[0].loss}
        self.tracking.metrics(run_id, metrics)
        save_study_folder(start, folder / "model")
        manifest = ModelManifest(
            model_id=model_id,
            dataset_id=frozen.dataset_id,
            dataset=frozen.manifest,
            recipe=self.config.recipe,
            config=self.config.canonical().decode(),
            base=base,
            files=upload_folder(self.store, folder / "model"),
            start_files=start_files,
            run_id=run_id,
            steps=fitted.steps,
            card=study_card(base, dataset.manifest, metrics),
            metrics=metrics,
            kind="studies",
        )
        self.tracking.close(run_id)
        return manifest

    def _start(self, folder: Path, samples: StudySamples) -> StudyFolder:
        """Saved whole before the first step; a resumed run loads the very same one."""
        saved = folder / "start"
        if not saved.exists():
            fresh = folder / "start.tmp"
            shutil.rmtree(fresh, ignore_errors=True)
            save_study_folder(load_study_base(self.config, samples.texts), fresh)
            fresh.rename(saved)
        return load_study_folder(saved)

    def _registered(self, manifest: ModelManifest, ref: ArtifactRef) -> ModelTrained:
        tags = {"recipe": manifest.recipe, "base": manifest.base, "dataset_id": manifest.dataset_id}
        version = self.registry.register(manifest.model_id, ref, manifest.run_id, tags).version
        candidate = self.registry.by_alias("candidate")
        if candidate is None or int(candidate.version) < int(version):
            self.registry.set_alias("candidate", version)
        return ModelTrained(
            model_id=manifest.model_id, dataset_id=manifest.dataset_id, manifest=ref, version=version, kind="studies"
        )


def study_card(base: str, dataset: DatasetManifest, metrics: dict[str, float]) -> dict[str, str]:
    """The model card's fields, from the run's own facts."""
    sizes = ", ".join(f"{part.pairs} {name} pairs of {part.articles} patients" for name, part in dataset.splits.items())
    return {
        "intended_use": "Research: search over head-MRI studies and their reports within one institution.",
        "not_for": "Diagnosis, triage or any other clinical decision; identifying persons.",
        "data": f"Dataset {dataset.dataset_id}: {sizes}; {dataset.leaks.total} leaks between splits.",
        "licences": "De-identified local studies; no licence to pass them on is implied.",
        "metrics": ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items())),
        "risks": "Reports are structured by machine; side, negation and rare findings are learnt imperfectly; scanners"
        " and protocols that the training set lacks may be misread."
        " Small towers from random weights show the path only.",
        "base_model": base,
    }
