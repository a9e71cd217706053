"""A frozen dataset in, a registered candidate out: ``datasets.frozen`` -> ``models.trained``.

The model's id digests dataset, configuration and starting point, so an event that comes again, or a process that was
killed, means the same model. Order of effects: checkpoint after checkpoint in the work folder, then files, then the
manifest (last write: from here on the work counts as done), then the registry's version and its alias.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import ClipFolder, load_folder, save_folder, upload_folder
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import DatasetFrozen, Event, Fact, ModelTrained
from journalclip_shared.ids import make_id
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import ModelRegistry
from journalclip_training.base import describe_base, load_base
from journalclip_training.card import card
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.examples import draw_examples
from journalclip_training.fit import Fitted, fit
from journalclip_training.reference import RetrievalScore
from journalclip_training.samples import open_samples
from journalclip_training.tracking import Lineage, Tracking, Untracked
from journalclip_training.wise import Score, choose, draw_front, set_between, sweep, weights

Progress = Callable[[int, int, float], None]


def silent(step: int, total: int, loss: float) -> None:
    """A progress callback that shows nothing."""
    del step, total, loss


def model_id_of(dataset_id: str, config: TrainConfig, base: str) -> str:
    return make_id("mdl", dataset_id, config.digest, base)


@dataclass
class TrainingHandler:
    """Idempotent; ``workdir`` holds what a killed run resumes from and is emptied when the run is done."""

    store: ArtifactStore
    registry: ModelRegistry
    config: TrainConfig
    workdir: Path
    tracking: Tracking = Untracked()  # noqa: RUF009 - it has no state
    options: RunOptions = RunOptions()  # noqa: RUF009 - frozen
    progress: Progress = silent
    general: Score | None = None  # the general reference set of forgetting control; None where there is none

    group = "training"
    consumes: tuple[type[Fact], ...] = (DatasetFrozen,)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `DatasetTooSmall`, `TrainingDiverged`, `BaseUnavailable`, and what store and registry raise."""
        frozen = cast(DatasetFrozen, event.fact)
        if frozen.kind != "figures":  # a handler of its own trains on studies
            return []
        base = describe_base(self.config)
        model_id = model_id_of(frozen.dataset_id, self.config, base)
        name = f"trained/{model_id}"
        ref = self.store.find_manifest("models", name)
        if ref is None:
            manifest = _Training(self, frozen, model_id, base).run()
            ref = self.store.put_manifest("models", name, manifest.canonical())
            shutil.rmtree(self.workdir / model_id, ignore_errors=True)
        return [self._registered(ModelManifest.model_validate_json(self.store.get(ref)), ref)]

    def _registered(self, manifest: ModelManifest, ref: ArtifactRef) -> ModelTrained:
        tags = {"recipe": manifest.recipe, "base": manifest.base, "dataset_id": manifest.dataset_id}
        version = self.registry.register(manifest.model_id, ref, manifest.run_id, tags).version
        candidate = self.registry.by_alias("candidate")
        if candidate is None or int(candidate.version) < int(version):  # a late duplicate never turns the alias back
            self.registry.set_alias("candidate", version)
        return ModelTrained(model_id=manifest.model_id, dataset_id=manifest.dataset_id, manifest=ref, version=version)


class _Training:
    """One model's way from dataset to manifest."""

    def __init__(self, handler: TrainingHandler, frozen: DatasetFrozen, model_id: str, base: str) -> None:
        self.store, self.tracking, self.config = handler.store, handler.tracking, handler.config
        self.options, self.progress, self.general = handler.options, handler.progress, handler.general
        self.frozen, self.model_id, self.base = frozen, model_id, base
        self.folder = handler.workdir / model_id

    def run(self) -> ModelManifest:
        dataset = FrozenDataset.open(self.store, self.frozen.manifest)
        start = self._start(dataset)
        start_files = upload_folder(self.store, self.folder / "start")
        run_id = self.tracking.open(self.model_id, self._params(), self._lineage(dataset))
        fitted = self._fit(dataset, start)
        self.tracking.curve(run_id, fitted.curve)
        metrics = {"final_loss": fitted.final_loss, "first_loss": fitted.curve[0].loss}
        metrics |= self._against_forgetting(dataset, start, run_id)
        save_folder(start, self.folder / "model")
        manifest = ModelManifest(
            model_id=self.model_id,
            dataset_id=self.frozen.dataset_id,
            dataset=self.frozen.manifest,
            recipe=self.config.recipe,
            config=self.config.canonical().decode(),
            base=self.base,
            files=upload_folder(self.store, self.folder / "model"),
            start_files=start_files,
            run_id=run_id,
            steps=fitted.steps,
            card=card(self.config, self.base, dataset.manifest, metrics),
            metrics=metrics,
        )
        self.tracking.metrics(run_id, metrics)
        self.tracking.close(run_id)
        return manifest

    def _start(self, dataset: FrozenDataset) -> ClipFolder:
        """The starting point, saved whole before the first step; a resumed run loads the very same one."""
        pairs = dataset.manifest.splits["train"].pairs if "train" in dataset.manifest.splits else 0
        if pairs < self.config.data.min_pairs:
            raise DatasetTooSmall(self.frozen.dataset_id, pairs, self.config.data.min_pairs)
        folder = self.folder / "start"
        if not folder.exists():
            fresh = self.folder / "start.tmp"
            shutil.rmtree(fresh, ignore_errors=True)
            save_folder(load_base(self.config, [pair.text for pair in dataset.pairs("train")]), fresh)
            fresh.rename(folder)
        return load_folder(folder)

    def _fit(self, dataset: FrozenDataset, start: ClipFolder) -> Fitted:
        samples = open_samples(dataset, "train", start.preprocess, self.folder / "shards", self.options)

        def observe(point: Point, steps: int) -> None:
            self.progress(point.step + 1, steps, point.loss)

        return fit(self.config, start, samples, self.folder, options=self.options, observe=observe)

    def _against_forgetting(self, dataset: FrozenDataset, tuned: ClipFolder, run_id: str) -> dict[str, float]:
        """Validation scores; where a general set is configured, the sweep, whose chosen weights are then kept."""
        if not dataset.manifest.splits["val"].pairs:
            return {}
        val = open_samples(dataset, "val", tuned.preprocess, self.folder / "shards", self.options)
        domain, metrics = RetrievalScore(val), {"val_pool": float(len(val))}
        config = self.config.forgetting
        if config.alphas and self.general is not None:
            start = weights(load_folder(self.folder / "start").model)
            points = sweep(tuned, start, config.alphas, domain, self.general)
            kept = choose(points, config.cap)
            set_between(tuned.model, start, weights(tuned.model), kept.alpha)
            self._record(run_id, "pareto.png", lambda path: draw_front(points, kept, path))
            metrics |= {"kept_alpha": kept.alpha, "general": kept.general, "general_start": points[0].general}
        metrics[f"val_recall_at_{domain.k}"] = domain(tuned)
        self._record(run_id, "examples.png", lambda path: draw_examples(tuned, val, path))
        return metrics

    def _record(self, run_id: str, name: str, draw: Callable[[Path], None]) -> None:
        path = self.folder / name
        draw(path)
        self.tracking.file(run_id, path, "pictures")

    def _params(self) -> dict[str, str]:
        return {"model_id": self.model_id, "base": self.base, **flat(asdict(self.config))}

    def _lineage(self, dataset: FrozenDataset) -> Lineage:
        manifest = dataset.manifest
        return Lineage(manifest.dataset_id, manifest.digest, self.frozen.manifest.uri, manifest.splits["train"].pairs)


def flat(tree: dict[str, object], prefix: str = "") -> dict[str, str]:
    """``{"optim": {"lr": 1}}`` as ``{"optim.lr": "1"}``."""
    out: dict[str, str] = {}
    for key, value in tree.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return out
