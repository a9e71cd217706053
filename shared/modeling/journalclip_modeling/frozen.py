"""A frozen dataset of any kind: its manifest, and its parts as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.records.dataset import DatasetManifest, Split
from journalclip_shared.withdrawals import left_of


@dataclass(frozen=True)
class Frozen:
    """A manifest with the store that holds its bytes. Parts are read without what was erased since."""

    store: ArtifactStore
    manifest: DatasetManifest

    @classmethod
    def open(cls, store: ArtifactStore, manifest: ArtifactRef) -> Self:
        return cls(store, DatasetManifest.model_validate_json(store.get(manifest)))

    def records(self, split: Split) -> bytes:
        """Parquet. Raises as `ArtifactStore.get`."""
        return self.store.get(left_of(self.store, self.manifest.splits[split].records))

    def shards(self, split: Split) -> tuple[ArtifactRef, ...]:
        """Tar files, in order."""
        return tuple(left_of(self.store, each) for each in self.manifest.splits[split].shards)
