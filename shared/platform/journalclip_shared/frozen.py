"""A frozen dataset of any kind: its manifest, and its parts as they are now.

A split is read block by block, in the order in which freezes wrote them, and by id within a block: records and shards
alike. What a version leaves out of a block is not read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow.parquet as pq

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest, Split
from journalclip_shared.withdrawals import left_of

# The column of whole documents, which records of every age have, and the member's id in it.
DOCUMENTS: dict[Kind, tuple[str, str]] = {"articles": ("pair", "pair_id"), "studies": ("study", "study_id")}
_ROWS = 4096  # records decoded at a time: tens of MiB
Row = dict[str, Any]


@dataclass(frozen=True)
class Shard:
    """A tar file, and the ids in it that are not of this version."""

    ref: ArtifactRef
    excluded: frozenset[str] = frozenset()

    def holds(self, name: str) -> bool:
        """Whether a member of the file, such as ``pair_1.jpg``, is of this version."""
        return name.split(".")[0] not in self.excluded


@dataclass(frozen=True)
class Frozen:
    """A manifest with the store that holds its bytes. Parts are read without what was erased since."""

    store: ArtifactStore
    manifest: DatasetManifest

    @classmethod
    def open(cls, store: ArtifactStore, manifest: ArtifactRef) -> Self:
        return cls(store, DatasetManifest.model_validate_json(store.get(manifest)))

    def rows(self, split: Split, *columns: str) -> Iterator[Row]:
        """Records of a split, with those of ``columns`` that there are. Raises as `ArtifactStore.get`."""
        part = self.manifest.splits[split]
        for block in part.parts if part.pairs else ():
            held = rows_of(self.store, block.records, self.manifest.kind, columns, frozenset(block.excluded))
            yield from (row for _, row in held)

    def shards(self, split: Split) -> tuple[Shard, ...]:
        """Tar files, in order."""
        return tuple(
            Shard(left_of(self.store, each), frozenset(block.excluded))
            for block in self.manifest.splits[split].parts
            for each in block.shards
        )


def rows_of(
    store: ArtifactStore, records: ArtifactRef, kind: Kind, columns: Sequence[str] = (), excluded: Container[str] = ()
) -> Iterator[tuple[str, Row]]:
    """``(id, row)`` of records as they are now; without ``columns`` every column. Raises as `ArtifactStore.get`."""
    document, name = DOCUMENTS[kind]
    found = pq.ParquetFile(io.BytesIO(store.get(left_of(store, records))))
    there = found.schema_arrow.names
    wanted = [column for column in columns or there if column in there]
    read = list(dict.fromkeys([*wanted, name if name in there else document]))
    for batch in found.iter_batches(_ROWS, columns=read):
        for row in batch.to_pylist():
            member = str(row[name] if name in row else json.loads(row[document])[name])
            if member not in excluded:
                yield member, {column: row[column] for column in wanted}
