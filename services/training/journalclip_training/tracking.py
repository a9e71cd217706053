"""The record of a run: parameters, curves, pictures and the dataset it saw, kept by MLflow or by nobody.

A run is found again by the model's id, so a resumed or repeated training continues one run instead of opening another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from journalclip_shared.errors import TransientError
from journalclip_training.checkpoint import Point

if TYPE_CHECKING:
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

    def close(self, run_id: str) -> None: ...


class Untracked:
    """Keeps nothing."""

    def open(self, model_id: str, params: Mapping[str, str], lineage: Lineage) -> str:
        del model_id, params, lineage
        return ""

    def curve(self, run_id: str, points: Sequence[Point]) -> None: ...

    def metrics(self, run_id: str, values: Mapping[str, float]) -> None: ...

    def file(self, run_id: str, path: Path, folder: str = "") -> None: ...

    def close(self, run_id: str) -> None: ...


class MlflowTracking:
    """`Tracking` on an MLflow server or its sqlite file."""

    def __init__(self, uri: str, experiment: str = "journalclip", artifacts: str | None = None) -> None:
        """``artifacts``: where a new experiment keeps files; None: beside a sqlite file, or as the server does."""
        # mlflow takes seconds to import, and only this class needs it.
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self._error: type[Exception] = MlflowException
        self._client: MlflowClient = MlflowClient(tracking_uri=uri)
        beside = Path(uri.removeprefix("sqlite:///")).with_name("mlartifacts") if uri.startswith("sqlite:///") else None
        self._name, self._artifacts = experiment, artifacts or (str(beside) if beside else None)

    def open(self, model_id: str, params: Mapping[str, str], lineage: Lineage) -> str:
        try:
            experiment = self._experiment()
            found = self._client.search_runs([experiment], f"tags.`{_MODEL_TAG}` = '{model_id}'", max_results=1)
            if found:
                return str(found[0].info.run_id)
            run = self._client.create_run(experiment, run_name=model_id, tags={_MODEL_TAG: model_id})
            run_id = str(run.info.run_id)
            for key, value in params.items():
                self._client.log_param(run_id, key, value[:PARAM_LENGTH])
            self._lineage(run_id, lineage)
        except self._error as error:
            raise TransientError(f"tracking: {error}") from error
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
            raise TransientError(f"tracking: {error}") from error

    def metrics(self, run_id: str, values: Mapping[str, float]) -> None:
        try:
            for name, value in values.items():
                self._client.log_metric(run_id, name, value)
        except self._error as error:
            raise TransientError(f"tracking: {error}") from error

    def file(self, run_id: str, path: Path, folder: str = "") -> None:
        try:
            self._client.log_artifact(run_id, str(path), folder or None)
        except self._error as error:
            raise TransientError(f"tracking: {error}") from error

    def close(self, run_id: str) -> None:
        try:
            self._client.set_terminated(run_id)
        except self._error as error:
            raise TransientError(f"tracking: {error}") from error

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
