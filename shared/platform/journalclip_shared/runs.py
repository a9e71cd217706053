"""A training run's record, read and added to after training: its curves, and files such as the report and the card.

What is attached under a name replaces what stood there, so attaching again is harmless. On a sqlite store an experiment
that was made without a place for files points below whatever folder its maker stood in (``mlruns/``); nothing is
written there. Files of such a run, or of a model without one, go to a run of their own beside the store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from journalclip_shared.errors import TransientError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_EXPERIMENT = "journalclip-reports"
_MODEL_TAG = "journalclip.model_id"
Curve = Sequence[tuple[int, float]]


class Runs(Protocol):
    """Raises `TransientError` where the tracker cannot be reached."""

    def curves(self, run_id: str, names: Sequence[str]) -> dict[str, Curve]:
        """``(step, value)`` of each metric that the run logged, by step; nothing where there is no such run."""
        ...

    def attach(self, run_id: str, model_id: str, files: Mapping[str, bytes]) -> str:
        """Put files by path below the run's artifacts; returns the run that has them."""
        ...


class NullRuns:
    """Nothing is tracked."""

    def curves(self, run_id: str, names: Sequence[str]) -> dict[str, Curve]:
        del run_id, names
        return {}

    def attach(self, run_id: str, model_id: str, files: Mapping[str, bytes]) -> str:
        del model_id, files
        return run_id


class MlflowRuns:
    """`Runs` on an MLflow server or its sqlite file."""

    def __init__(self, uri: str) -> None:
        # mlflow takes seconds to import, and only this class needs it.
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        # Uploads go through requests or the file system, whose errors are OSErrors.
        self._errors: tuple[type[Exception], ...] = (MlflowException, OSError)
        self._client: MlflowClient = MlflowClient(tracking_uri=uri)
        self._folder = Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else None

    def curves(self, run_id: str, names: Sequence[str]) -> dict[str, Curve]:
        try:
            if not self._known(run_id):
                return {}
            found = {name: self._client.get_metric_history(run_id, name) for name in names}
        except self._errors as error:
            raise TransientError(f"tracking: {error}", "registry") from error
        points = {name: {each.step: each.value for each in history} for name, history in found.items()}
        return {name: sorted(by_step.items()) for name, by_step in points.items() if by_step}

    def attach(self, run_id: str, model_id: str, files: Mapping[str, bytes]) -> str:
        try:
            target = run_id if self._known(run_id) and self._has_place(run_id) else self._own(model_id)
            with tempfile.TemporaryDirectory() as folder:
                for name, data in files.items():
                    path = Path(folder) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                self._client.log_artifacts(target, folder)
        except self._errors as error:
            raise TransientError(f"tracking: {error}", "registry") from error
        return target

    def _known(self, run_id: str) -> bool:
        try:
            return bool(run_id) and self._client.get_run(run_id) is not None
        except self._errors as error:
            if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def _has_place(self, run_id: str) -> bool:
        """Whether the run's experiment was given a place for files, and not MLflow's default below some folder."""
        info = self._client.get_run(run_id).info
        location = self._client.get_experiment(info.experiment_id).artifact_location
        return self._folder is None or not location.endswith(f"mlruns/{info.experiment_id}")

    def _own(self, model_id: str) -> str:
        """The model's run for files alone, new or found again."""
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        place = None if self._folder is None else str(self._folder / "mlartifacts")
        experiment = found.experiment_id if found else self._client.create_experiment(_EXPERIMENT, place)
        runs = self._client.search_runs([experiment], f"tags.`{_MODEL_TAG}` = '{model_id}'", max_results=1)
        if runs:
            return str(runs[0].info.run_id)
        made = self._client.create_run(experiment, run_name=model_id, tags={_MODEL_TAG: model_id})
        self._client.set_terminated(made.info.run_id)
        return str(made.info.run_id)
