"""One model's way from a frozen dataset to its manifest: start, fit, scores, files, tracking run.

Everything before the manifest may be repeated: the start is saved whole before the first step, the fit resumes from its
checkpoint, files are content-addressed, and the tracking run is found again by the model's id. It is the same for all
kinds; what differs is `Learning`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from journalclip_modeling.folder import upload_folder
from journalclip_shared.events import TrainingRequested
from journalclip_shared.ids import make_id
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunConfig, tree_of
from journalclip_training.fit import Fitted
from journalclip_training.learning import Job, Learning
from journalclip_training.tracking import Lineage, LiveCurve, Tracking

Progress = Callable[[int, int, float], None]  # steps done, steps in all, loss


def silent(step: int, total: int, loss: float) -> None:
    """A progress callback that shows nothing."""
    del step, total, loss


@dataclass(frozen=True)
class TrainingRun:
    """All that one candidate is made of and with."""

    requested: TrainingRequested
    job: Job
    base: str
    learning: Learning
    tracking: Tracking
    progress: Progress = silent

    def run(self) -> ModelManifest:
        job, learning = self.job, self.learning
        learning.check()
        self._start()
        start_files = upload_folder(job.store, job.start)
        run_id = self.tracking.open(job.model_id, self._params(), self._lineage())
        finished = False
        try:
            fitted = self._fit(start_files, run_id)
            metrics = {"final_loss": fitted.final_loss, "first_loss": fitted.curve[0].loss, **fitted.facts}
            if fitted.kept is not None:
                metrics |= {"kept_step": float(fitted.kept.step), "kept_score": fitted.kept.score}
            metrics |= learning.measure(lambda name, draw: self._record(run_id, name, draw))
            self.tracking.metrics(run_id, metrics)
            learning.save(job.folder / "model")
            files = upload_folder(job.store, job.folder / "model")
            finished = True
        finally:
            self.tracking.close(run_id, finished)
        return ModelManifest(
            model_id=job.model_id,
            dataset_id=self.requested.dataset_id,
            dataset=job.dataset,
            recipe=job.config.recipe,
            config=job.config.canonical().decode(),
            base=self.base,
            files=files,
            start_files=start_files,
            run_id=run_id,
            steps=fitted.steps,
            card=learning.card(self.base, metrics),
            metrics=metrics,
            kind=self.requested.kind,
        )

    def _start(self) -> None:
        """The starting point, saved whole before the first step; a resumed run loads the very same one."""
        if not self.job.start.exists():
            fresh = self.job.folder / "start.tmp"
            shutil.rmtree(fresh, ignore_errors=True)
            self.learning.make_start(fresh)
            fresh.rename(self.job.start)

    def _fit(self, start_files: tuple[ModelFile, ...], run_id: str) -> Fitted:
        with LiveCurve(self.tracking, run_id) as live:

            def observe(point: Point, steps: int) -> None:
                self.progress(point.step + 1, steps, point.loss)
                live.add(point)

            fitted = self.learning.fit(start_files, observe)
        self.tracking.curve(run_id, fitted.curve)
        return fitted

    def _record(self, run_id: str, name: str, draw: Callable[[Path], None]) -> None:
        path = self.job.folder / name
        draw(path)
        self.tracking.file(run_id, path, "pictures")

    def _params(self) -> dict[str, str]:
        return {"model_id": self.job.model_id, "base": self.base, **flat(tree_of(self.job.config))}

    def _lineage(self) -> Lineage:
        manifest = self.learning.dataset
        return Lineage(manifest.dataset_id, manifest.digest, self.job.dataset.uri, manifest.splits["train"].pairs)


def model_id_of(dataset_id: str, config: RunConfig, base: str) -> str:
    return make_id("mdl", dataset_id, config.digest, base)


def flat(tree: dict[str, object], prefix: str = "") -> dict[str, str]:
    """``{"optim": {"lr": 1}}`` as ``{"optim.lr": "1"}``."""
    out: dict[str, str] = {}
    for key, value in tree.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return out
