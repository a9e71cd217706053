"""One model's way from a frozen dataset to its manifest: start, fit, forgetting control, files, record.

Everything before the manifest may be repeated: the start is saved whole before the first step, the fit resumes from its
checkpoint, files are content-addressed, and the tracking run is found again by the model's id.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import ClipFolder, load_folder, save_folder, upload_folder
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_training.base import load_base
from journalclip_training.card import card
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.examples import draw_examples
from journalclip_training.fit import Fitted
from journalclip_training.reference import RetrievalScore
from journalclip_training.samples import open_samples
from journalclip_training.tracking import Lineage, LiveCurve, Tracking
from journalclip_training.trainer import Task, Trainer
from journalclip_training.wise import Score, choose, draw_front, set_between, sweep, weights

_log = logging.getLogger(__name__)

Progress = Callable[[int, int, float], None]  # steps done, steps in all, loss


def silent(step: int, total: int, loss: float) -> None:
    """A progress callback that shows nothing."""
    del step, total, loss


@dataclass(frozen=True)
class Making:
    """All that one candidate is made of and with; ``folder`` is its own work folder."""

    store: ArtifactStore
    tracking: Tracking
    trainer: Trainer
    config: TrainConfig
    options: RunOptions
    progress: Progress
    general: Score | None
    frozen: DatasetFrozen
    model_id: str
    base: str
    folder: Path

    def run(self) -> ModelManifest:
        dataset = FrozenDataset.open(self.store, self.frozen.manifest)
        start = self._start(dataset)
        start_files = upload_folder(self.store, self.folder / "start")
        run_id = self.tracking.open(self.model_id, self._params(), self._lineage(dataset))
        finished = False
        try:
            fitted = self._fit(start, start_files, run_id)
            metrics = {"final_loss": fitted.final_loss, "first_loss": fitted.curve[0].loss}
            metrics |= self._against_forgetting(dataset, start, run_id)
            self.tracking.metrics(run_id, metrics)
            save_folder(start, self.folder / "model")
            files = upload_folder(self.store, self.folder / "model")
            finished = True
        finally:
            self.tracking.close(run_id, finished)
        return ModelManifest(
            model_id=self.model_id,
            dataset_id=self.frozen.dataset_id,
            dataset=self.frozen.manifest,
            recipe=self.config.recipe,
            config=self.config.canonical().decode(),
            base=self.base,
            files=files,
            start_files=start_files,
            run_id=run_id,
            steps=fitted.steps,
            card=card(self.config, self.base, dataset.manifest, metrics),
            metrics=metrics,
        )

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

    def _fit(self, start: ClipFolder, start_files: tuple[ModelFile, ...], run_id: str) -> Fitted:
        task = Task(
            self.model_id, self.config, self.options, self.store, self.frozen.manifest, start_files, self.folder
        )
        with LiveCurve(self.tracking, run_id) as live:

            def observe(point: Point, steps: int) -> None:
                self.progress(point.step + 1, steps, point.loss)
                live.add(point)

            fitted = self.trainer(task, start, observe)
        self.tracking.curve(run_id, fitted.curve)
        return fitted

    def _against_forgetting(self, dataset: FrozenDataset, tuned: ClipFolder, run_id: str) -> dict[str, float]:
        """Validation scores; where a general set is configured, the sweep, whose chosen weights are then kept."""
        if not dataset.manifest.splits["val"].pairs:
            return {}
        val = open_samples(dataset, "val", tuned.preprocess, self.folder / "shards", self.options)
        domain, metrics = RetrievalScore(val), {"val_pool": float(len(val))}
        config = self.config.forgetting
        if config.alphas and self.general is None:
            _log.warning(
                "%s: no general reference set, so what this run has cost in general ability stays unknown;"
                " set JOURNALCLIP_GENERAL_REFERENCE to a folder of class folders",
                self.model_id,
            )
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
