"""From what a person typed to what is registered."""

from __future__ import annotations

from journalclip_modeling.data import FrozenDataset
from journalclip_pipelines.operations.installation import Installation
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import Alias, ModelVersion

_ALIASES: tuple[Alias, ...] = ("candidate", "champion", "previous")


class UnknownModel(PermanentError):
    """Nothing is registered under this name."""

    def __init__(self, wanted: str, reason: str = "") -> None:
        super().__init__(
            "unknown-model",
            reason or f"no version, alias, model id or CLIP folder is called {wanted}",
            "`journalclip models list` shows what is registered.",
        )


class UnknownDataset(PermanentError):
    """No frozen dataset has this id."""

    def __init__(self, wanted: str, known: list[str]) -> None:
        there = ", ".join(known[-5:]) or "none"
        said = f"no dataset {wanted} is frozen" if wanted else "a model that is only a folder needs --dataset"
        super().__init__("unknown-dataset", f"{said}; there are: {there}", "`journalclip status` names them.")


def find_version(there: Installation, wanted: str) -> ModelVersion:
    """By alias, version or model id. Raises `UnknownModel`."""
    for alias in _ALIASES:
        if wanted == alias:
            found = there.registry.by_alias(alias)
            if found is None:
                raise UnknownModel(wanted, f"no version is {alias} yet")
            return found
    for version in there.registry.versions():
        if wanted in (version.version, version.model_id):
            return version
    raise UnknownModel(wanted)


def read_manifest(there: Installation, version: ModelVersion) -> ModelManifest:
    return ModelManifest.model_validate_json(there.store.get(version.manifest))


def find_dataset(there: Installation, wanted: str) -> FrozenDataset:
    """Raises `UnknownDataset`."""
    ref = there.store.find_manifest("datasets", f"frozen/{wanted}") if wanted else None
    if ref is None:
        names = there.store.list_manifests("datasets", "frozen/")
        raise UnknownDataset(wanted, [name.removeprefix("frozen/") for name in names])
    return FrozenDataset.open(there.store, ref)
