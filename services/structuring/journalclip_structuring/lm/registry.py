"""Tuned models in MLflow: a folder becomes a numbered version, an alias says which one serves.

A folder is logged as it is (safetensors, tokenizer, journalclip.json; nothing pickled). `ReloadingStructurer` follows
an alias: before a batch, at most every ``every_s`` seconds, it looks where the alias points and loads that version.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from journalclip_shared.errors import TransientError
from journalclip_structuring.errors import BadSetting
from journalclip_structuring.structurer import Structurer, StructureRequest, StructureResult

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DEFAULT_NAME = "journalclip-structurer"
_ALIAS = re.compile(r"models:/(?P<name>[\w-]+)@(?P<alias>[\w-]+)")


class StructurerRegistry:
    """Versions of structuring models on one tracking server."""

    def __init__(self, uri: str) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self._error: type[Exception] = MlflowException
        self._client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def register(self, folder: Path, name: str = DEFAULT_NAME, alias: str = "candidate") -> str:
        """Upload ``folder``, make it the next version of ``name`` and point ``alias`` at it; returns the version."""
        try:
            experiment = self._client.get_experiment_by_name(name)
            experiment_id = experiment.experiment_id if experiment else self._client.create_experiment(name)
            run = self._client.create_run(experiment_id)
            self._client.log_artifacts(run.info.run_id, str(folder), "model")
            self._client.set_terminated(run.info.run_id)
            if not self._client.search_registered_models(f"name = '{name}'"):
                self._client.create_registered_model(name)
            source = f"{run.info.artifact_uri}/model"
            version = self._client.create_model_version(name, source=source, run_id=run.info.run_id).version
            self._client.set_registered_model_alias(name, alias, version)
        except self._error as error:
            raise TransientError(f"structurer registry: {error}") from error
        return str(version)

    def version(self, name: str, alias: str) -> str | None:
        """The version that ``alias`` points at, or None."""
        try:
            return str(self._client.get_model_version_by_alias(name, alias).version)
        except self._error as error:
            # sqlite says INVALID_PARAMETER_VALUE for an alias that is not set, a server RESOURCE_DOES_NOT_EXIST.
            if getattr(error, "error_code", "") in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise TransientError(f"structurer registry: {error}") from error

    def fetch(self, name: str, version: str, parent: Path) -> Path:
        """A private copy of the version's folder below ``parent``."""
        try:
            run_id = self._client.get_model_version(name, version).run_id
            return Path(self._client.download_artifacts(run_id, "model", tempfile.mkdtemp(dir=parent)))
        except self._error as error:
            raise TransientError(f"structurer registry: {error}") from error


def parse_alias(text: str) -> tuple[str, str] | None:
    """Name and alias of ``models:/NAME@ALIAS``, or None for anything else (a folder)."""
    found = _ALIAS.fullmatch(text)
    return (found["name"], found["alias"]) if found else None


class ReloadingStructurer:
    """`Structurer` that is always the version an alias points at."""

    def __init__(
        self,
        current: Callable[[], str | None],
        load: Callable[[str], Structurer],
        every_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._current = current
        self._load = load
        self._every_s = every_s
        self._clock = clock
        self._version: str | None = None
        self._looked = float("-inf")
        self._inner = self._follow()

    @property
    def name(self) -> str:
        return self._refreshed().name

    @property
    def version(self) -> str:
        return self._refreshed().version

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        return self._inner.structure(texts)

    def _refreshed(self) -> Structurer:
        # Only where the version is asked for, which callers do before a batch: name and answers stay of one version.
        if self._clock() - self._looked >= self._every_s:
            self._inner = self._follow()
        return self._inner

    def _follow(self) -> Structurer:
        self._looked = self._clock()
        version = self._current()
        if version is None and self._version is None:
            raise BadSetting("the alias points at no version", "Register a model, or name a folder.")
        if version is None or version == self._version:
            return self._inner
        structurer = self._load(version)
        self._version = version
        return structurer
