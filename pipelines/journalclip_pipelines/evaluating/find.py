"""From what a person typed to what is registered."""

from __future__ import annotations

from pathlib import Path

from journalclip_modeling.data import FrozenDataset
from journalclip_pipelines.operations.installation import Installation
from journalclip_shared import names
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
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


class KindAmbiguous(PermanentError):
    """Models of several kinds answer to this name."""

    def __init__(self, wanted: str, kinds: list[Kind]) -> None:
        super().__init__(
            "kind-ambiguous", f"{wanted} names a model of {' and of '.join(kinds)}", "Say which with --kind."
        )


def find_installation(workdir: Path, wanted: str, kind: Kind | None) -> Installation:
    """The kind whose registry knows ``wanted``; ``kind`` says which where several do.

    Raises `KindAmbiguous`, `UnknownModel`.
    """
    if kind is not None:
        return Installation.open(workdir, kind)
    found = [there for there in Installation.every(workdir) if _knows(there, wanted)]
    if len(found) > 1:
        raise KindAmbiguous(wanted, [there.kind for there in found])
    if not found:
        raise UnknownModel(wanted, f"no version is {wanted} yet" if wanted in _ALIASES else "")
    return found[0]


def _knows(there: Installation, wanted: str) -> bool:
    try:
        find_version(there, wanted)
    except UnknownModel:
        return False
    return True


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
    ref = there.store.find_manifest("datasets", names.frozen(wanted)) if wanted else None
    if ref is None:
        known = there.store.list_manifests("datasets", names.frozen())
        raise UnknownDataset(wanted, [name.removeprefix(names.frozen()) for name in known])
    return FrozenDataset.open(there.store, ref)
