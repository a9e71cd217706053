"""Old dataset versions are collected: their bytes are deleted, where no version that is kept shares them.

Kept are each kind's newest versions, every version that a model was promoted from, and those that are named. What is
collected leaves tombstones, and its list of members, so that `explain` and the audit know it; freezing the same pairs
again makes it anew. Deleting goes from the parts to the manifest: a collection that died is finished by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Engine

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.catalogue.finding import CatalogueFinder
from journalclip_shared.ids import Json
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.withdrawal import Tombstone
from journalclip_shared.withdrawals import left_of


@dataclass
class Collected:
    """What was kept and what was deleted, or would be."""

    kept: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0

    def as_json(self) -> dict[str, Json]:
        return {"kept": [*self.kept], "collected": [*self.datasets], "objects": self.objects, "bytes": self.bytes}


def collect(
    store: ArtifactStore, catalogue: Engine, newest: int, also: Collection[str] = (), dry_run: bool = False
) -> Collected:
    """Collect every version that is not kept; a version that the catalogue does not know is kept too.

    Raises `PermanentError` where a kept manifest cannot be read (nothing is deleted then), and `TransientError`.
    """
    found = Collected()
    kept, doomed = _chosen(CatalogueFinder(catalogue), max(1, newest), also)
    for name in store.list_manifests("datasets", names.frozen()):
        dataset = name.removeprefix(names.frozen())
        if dataset not in kept and dataset not in doomed:
            kept.append(dataset)
    needed = set[str]()
    for dataset in kept:
        if (ref := store.find_manifest("datasets", names.frozen(dataset))) is not None:
            needed |= {each.uri for each in _parts(store, ref)}
            found.kept.append(dataset)
    gone = set[str]()
    for dataset in doomed:
        if (ref := store.find_manifest("datasets", names.frozen(dataset))) is None:
            continue  # collected before
        for each in (*_parts(store, ref), ref):
            if each.uri in needed or each.uri in gone:
                continue
            gone.add(each.uri)
            found.objects += 1
            found.bytes += each.bytes
            if not dry_run:
                _delete(store, each)
        found.datasets.append(dataset)
    return found


def _chosen(finder: CatalogueFinder, newest: int, also: Collection[str]) -> tuple[list[str], list[str]]:
    """Versions that are kept, and the others, both in order of time."""
    every = finder.all_datasets()
    of_kind: dict[str, list[str]] = defaultdict(list)
    for dataset, kind, *_ in every:
        of_kind[kind].append(dataset)
    last = {dataset for datasets in of_kind.values() for dataset in datasets[-newest:]}
    keep = last | finder.promoted_datasets() | set(also)
    return [each[0] for each in every if each[0] in keep], [each[0] for each in every if each[0] not in keep]


def _parts(store: ArtifactStore, ref: ArtifactRef) -> list[ArtifactRef]:
    """Every object of a version, and what erasures put in its place."""
    manifest = DatasetManifest.model_validate_json(store.get(ref))
    named = [each for part in manifest.splits.values() for each in part.refs]
    return list({each.uri: each for one in named for each in (one, left_of(store, one))}.values())


def _delete(store: ArtifactStore, ref: ArtifactRef) -> None:
    """The tombstone first, where an erasure left none."""
    name = names.tombstone(ref.uri)
    if store.find_manifest("quarantine", name) is None:
        left = Tombstone(uri=ref.uri, sha256=ref.sha256, bytes=ref.bytes)
        store.put_manifest("quarantine", name, left.canonical())
    store.erase(ref)
