"""The model registry: numbered versions of one registered model, and three aliases that point at them.

Aliases: ``candidate`` (the newest trained), ``champion`` (what readers get), ``previous`` (where rollback goes). A
version carries the `ArtifactRef` of its `ModelManifest`; the
bytes themselves live in the artifact store, and whoever loads a model verifies every file against that manifest first.
MLflow's aliases have no compare-and-swap: only promotion writes ``champion`` and ``previous``, under its own lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.errors import TransientError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Alias = Literal["candidate", "champion", "previous"]

_MANIFEST_TAG = "journalclip.manifest"
_MODEL_TAG = "journalclip.model_id"


@dataclass(frozen=True)
class ModelVersion:
    """One registered version."""

    version: str
    model_id: str
    manifest: ArtifactRef
    run_id: str
    tags: Mapping[str, str]


class ModelRegistry(Protocol):
    """What a registry must do."""

    def register(self, model_id: str, manifest: ArtifactRef, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """A new version, or the existing one of the same ``model_id``. Raises `TransientError`."""
        ...

    def versions(self) -> list[ModelVersion]:
        """All versions, oldest first."""
        ...

    def by_alias(self, alias: Alias) -> ModelVersion | None: ...

    def set_alias(self, alias: Alias, version: str) -> None: ...

    def drop_alias(self, alias: Alias) -> None: ...

    def tag(self, version: str, key: str, value: str) -> None: ...


class MlflowRegistry:
    """`ModelRegistry` on an MLflow tracking server or its sqlite file."""

    def __init__(self, uri: str, name: str) -> None:
        """``name``: the registered model, see `names.registered_model`."""
        # mlflow takes seconds to import, and only this class needs it.
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self._error: type[Exception] = MlflowException
        self._client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._name = name

    def register(self, model_id: str, manifest: ArtifactRef, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        for version in self.versions():
            if version.model_id == model_id:
                return version
        self._ensure_model()
        try:
            created = self._client.create_model_version(
                self._name,
                source=manifest.uri,
                run_id=run_id or None,
                tags={**tags, _MODEL_TAG: model_id, _MANIFEST_TAG: manifest.model_dump_json()},
            )
        except self._error as error:
            raise TransientError(f"model registry: {error}", "registry") from error
        return self._version(created)

    def versions(self) -> list[ModelVersion]:
        try:
            found = self._client.search_model_versions(f"name = '{self._name}'", max_results=10_000)
        except self._error as error:
            raise TransientError(f"model registry: {error}", "registry") from error
        ours = [self._version(each) for each in found if _MANIFEST_TAG in each.tags]
        return sorted(ours, key=lambda version: int(version.version))

    def by_alias(self, alias: Alias) -> ModelVersion | None:
        try:
            return self._version(self._client.get_model_version_by_alias(self._name, alias))
        except self._error as error:
            if _missing(error):
                return None
            raise TransientError(f"model registry: {error}", "registry") from error

    def set_alias(self, alias: Alias, version: str) -> None:
        try:
            self._client.set_registered_model_alias(self._name, alias, version)
        except self._error as error:
            raise TransientError(f"model registry: {error}", "registry") from error

    def drop_alias(self, alias: Alias) -> None:
        try:
            self._client.delete_registered_model_alias(self._name, alias)
        except self._error as error:
            if not _missing(error):
                raise TransientError(f"model registry: {error}", "registry") from error

    def tag(self, version: str, key: str, value: str) -> None:
        try:
            self._client.set_model_version_tag(self._name, version, key, value)
        except self._error as error:
            raise TransientError(f"model registry: {error}", "registry") from error

    def _ensure_model(self) -> None:
        try:
            self._client.create_registered_model(self._name)
        except self._error as error:
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise TransientError(f"model registry: {error}", "registry") from error

    @staticmethod
    def _version(found: object) -> ModelVersion:
        tags = dict(getattr(found, "tags", {}))
        return ModelVersion(
            version=str(getattr(found, "version")),  # noqa: B009 - mlflow is untyped; the attribute is part of its API
            model_id=tags.get(_MODEL_TAG, ""),
            manifest=ArtifactRef.model_validate_json(tags[_MANIFEST_TAG]),
            run_id=str(getattr(found, "run_id", "") or ""),
            tags=tags,
        )


def _missing(error: Exception) -> bool:
    # sqlite says INVALID_PARAMETER_VALUE for an alias that is not set, a server RESOURCE_DOES_NOT_EXIST.
    return getattr(error, "error_code", "") in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
