"""The record of a run: parameters, curves, pictures and the dataset it saw, kept by MLflow or by nobody.

A run is found again by the model's id, so a resumed or repeated training continues one run instead of opening another.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from journalclip_shared.errors import TransientError
from journalclip_training.checkpoint import Point

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
    from mlflow.tracking import MlflowClient

_MODEL_TAG = "journalclip.model_id"
PARAM_LENGTH = 500  # MLflow refuses longer values on some backends


@dataclass(frozen=True)
class Lineage:
    """The dataset a run learns from."""

    dataset_id: str
    digest: str
    uri: str
    pairs: int


class Tracking(Protocol):
    """What a tracker must do. All raise `TransientError` where it cannot be reached."""

    def open(self, model_id: str, params: Mapping[str, str], lineage: Lineage) -> str:
        """The id of the model's run, new or found again."""
        ...

    def curve(self, run_id: str, points: Sequence[Point]) -> None: ...

    def metrics(self, run_id: str, values: Mapping[str, float]) -> None: ...

    def file(self, run_id: str, path: Path, folder: str = "") -> None: ...

    def close(self, run_id: str, finished: bool = True) -> None:
        """The run has ended; not ``finished``: it failed, and may be opened again."""
        ...


class NullTracking:
    """Keeps nothing."""

    def open(self, model_id: str, params: Mapping[str, str], lineage: Lineage) -> str:
        del model_id, params, lineage
        return ""

    def curve(self, run_id: str, points: Sequence[Point]) -> None: ...

    def metrics(self, run_id: str, values: Mapping[str, float]) -> None: ...

    def file(self, run_id: str, path: Path, folder: str = "") -> None: ...

    def close(self, run_id: str, finished: bool = True) -> None: ...


class LiveCurve:
    """Shows a run's curve while it trains, from another thread, so that a slow tracker costs no step.

    What does not get through is left out here: the whole curve is logged when the run ends.
    """

    EVERY_S = 5.0

    def __init__(self, tracking: Tracking, run_id: str) -> None:
        self._tracking, self._run_id = tracking, run_id
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="curve")
        self._waiting: list[Point] = []
        self._sent: Future[None] | None = None
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, point: Point) -> None:
        self._waiting.append(point)
        busy = self._sent is not None and not self._sent.done()
        if not busy and time.monotonic() - self._last >= self.EVERY_S:
            points, self._waiting, self._last = self._waiting, [], time.monotonic()
            self._sent = self._pool.submit(self._send, points)

    def _send(self, points: list[Point]) -> None:
        with suppress(TransientError):
            self._tracking.curve(self._run_id, points)


class MlflowTracking:
    """`Tracking` on an MLflow server or its sqlite file."""

    def __init__(self, uri: str, experiment: str, artifacts: str | None = None) -> None:
        """``artifacts``: where a new experiment keeps files; None: beside a sqlite file, or as the server does."""
        # mlflow takes seconds to import, and only this class needs it.
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self._error: type[Exception] = MlflowException
        self._client: MlflowClient = MlflowClient(tracking_uri=uri)
        beside = Path(uri.removeprefix("sqlite:///")).with_name("mlartifacts") if uri.startswith("sqlite:///") else None
        self._name, self._artifacts = experiment, artifacts or (str(beside) if beside else None)
        self._uri = uri
        self._monitors: dict[str, SystemMetricsMonitor] = {}

    def open(self, model_id: str, params: Mapping[str, str], lineage: Lineage) -> str:
        try:
            experiment = self._experiment()
            found = self._client.search_runs([experiment], f"tags.`{_MODEL_TAG}` = '{model_id}'", max_results=1)
            if found:
                run_id = str(found[0].info.run_id)
                self._client.update_run(run_id, "RUNNING")
            else:
                run = self._client.create_run(experiment, run_name=model_id, tags={_MODEL_TAG: model_id})
                run_id = str(run.info.run_id)
                for key, value in params.items():
                    self._client.log_param(run_id, key, value[:PARAM_LENGTH])
                self._lineage(run_id, lineage)
        except self._error as error:
            raise TransientError(f"tracking: {error}", "registry") from error
        self._watch(run_id)
        return run_id

    def curve(self, run_id: str, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        rows = [
            Metric(name, value, 0, point.step)  # time 0: a resumed run logs the same rows again, and they are the same
            for point in points
            for name, value in (
                ("loss", point.loss),
                ("lr", point.lr),
                ("temperature", 1 / point.scale),
                ("gradient_norm", point.gradient_norm),
            )
        ]
        try:
            for start in range(0, len(rows), 1000):  # MLflow takes at most 1,000 metrics a call
                self._client.log_batch(run_id, metrics=rows[start : start + 1000])
        except self._error as error:
            raise TransientError(f"tracking: {error}", "registry") from error

    def metrics(self, run_id: str, values: Mapping[str, float]) -> None:
        try:
            for name, value in values.items():
                self._client.log_metric(run_id, name, value)
        except self._error as error:
            raise TransientError(f"tracking: {error}", "registry") from error

    def file(self, run_id: str, path: Path, folder: str = "") -> None:
        try:
            self._client.log_artifact(run_id, str(path), folder or None)
        except self._error as error:
            raise TransientError(f"tracking: {error}", "registry") from error

    def close(self, run_id: str, finished: bool = True) -> None:
        if monitor := self._monitors.pop(run_id, None):
            monitor.finish()
        try:
            self._client.set_terminated(run_id, "FINISHED" if finished else "FAILED")
        except self._error as error:
            raise TransientError(f"tracking: {error}", "registry") from error

    def _watch(self, run_id: str) -> None:
        """Processor, memory, disk, network and (where its library is installed) GPU, as MLflow names them."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(run_id, resume_logging=True, tracking_uri=self._uri)
        monitor.start()
        self._monitors[run_id] = monitor

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self._name)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(self._name, artifact_location=self._artifacts))

    def _lineage(self, run_id: str, lineage: Lineage) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(lineage.dataset_id, lineage.digest[:36], "journalclip", f'{{"uri": "{lineage.uri}"}}')
        tags = [InputTag("mlflow.data.context", "training"), InputTag("pairs", str(lineage.pairs))]
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags)])
