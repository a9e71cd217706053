"""Which documents hold an id, and which datasets and models hold what they say: asked before anything is read.

`journalclip_shared.catalogue.finding` answers by a few SQL statements. `StoreFinder` lists every manifest instead, for
a store without a catalogue: an exported one, or a test's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest

Stage = Literal["extraction", "structuring"]


@dataclass(frozen=True)
class Made:
    """A model, of the dataset that it was trained on."""

    model_id: str
    dataset_id: str
    run_id: str
    recipe: str


@dataclass(frozen=True)
class Held:
    """Datasets (id and split) that hold a thing, oldest first; ``earlier``: how many there are before these."""

    datasets: list[tuple[str, str]]
    earlier: int = 0


class Finder(Protocol):
    """Raises `TransientError`, `ConfigurationError`."""

    def documents(self, wanted: str, stage: Stage) -> Iterable[ArtifactRef]:
        """Documents of a stage that may hold ``wanted``, the likeliest first."""
        ...

    def studies(self, wanted: str) -> Iterable[str]:
        """Ids of submitted studies that may hold the series ``wanted``."""
        ...

    def datasets(self, member: str) -> Held:
        """Datasets that hold a pair or a study."""
        ...

    def models(self, datasets: Iterable[str]) -> list[Made]:
        """Models that were trained on any of ``datasets``."""
        ...


class StoreFinder:
    """`Finder` of a store without a catalogue. Its cost grows with everything that the store ever held."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def documents(self, wanted: str, stage: Stage) -> Iterator[ArtifactRef]:
        study = wanted.startswith(("std_", "ser_"))
        buckets: tuple[Bucket, ...] = ("studies",) if study else ("figures", "studies")
        prefix = names.extracted() if stage == "extraction" else names.structured()
        for bucket in buckets:
            yield from (ref for _, ref in self._manifests(bucket, prefix))

    def studies(self, wanted: str) -> Iterator[str]:
        for name in self._store.list_manifests("studies", names.submitted()):
            if name.count("/") == 1:
                yield name.partition("/")[2]

    def datasets(self, member: str) -> Held:
        found = []
        for _, ref in self._manifests("datasets", names.frozen()):
            dataset = DatasetManifest.model_validate_json(self._store.get(ref)).dataset_id
            held = self._store.find_manifest("datasets", names.members(dataset))
            split = None if held is None else split_of(self._store.get(held), member)
            if split is not None:
                found.append((dataset, split))
        return Held(found)

    def models(self, datasets: Iterable[str]) -> list[Made]:
        wanted = set(datasets)
        every = (self._store.get(ref) for _, ref in self._manifests("models", names.trained()))
        models = (ModelManifest.model_validate_json(data) for data in every)
        return [
            Made(each.model_id, each.dataset_id, each.run_id, each.recipe)
            for each in models
            if each.dataset_id in wanted
        ]

    def _manifests(self, bucket: Bucket, prefix: str) -> Iterator[tuple[str, ArtifactRef]]:
        for name in self._store.list_manifests(bucket, prefix):
            if (ref := self._store.find_manifest(bucket, name)) is not None:
                yield name, ref


def split_of(members: bytes, member: str) -> str | None:
    """The split of a dataset's members that holds ``member``."""
    splits: dict[str, list[str]] = json.loads(members)
    return next((split for split, ids in splits.items() if member in ids), None)
