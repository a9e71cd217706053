"""A frozen dataset without what was erased: the same records and shards, less its rows and members.

The manifest stays as it is: it says what was frozen. Parts that hold something of the erased are written anew, and who
reads a dataset asks for what is left of each (`journalclip_shared.withdrawals.left_of`). The same for every kind.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.frozen import DOCUMENTS, rows_of
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import Block, DatasetManifest
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.study import StructuredStudy
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.withdrawals import left_of, standing


@dataclass(frozen=True)
class Rewritten:
    """A part, what stands in its place, and how many pairs that lacks."""

    before: ArtifactRef
    after: ArtifactRef
    pairs: int = 0


def without(store: ArtifactStore, dataset: DatasetManifest, word: Withdrawal) -> Iterator[Rewritten]:
    """Store the parts of a dataset anew that hold something of what ``word`` withdrew, its own or left out by it.

    Of each block the records come last: they say what the shards hold, so an erasure that died is found by them.
    Raises `PermanentError` where a part is missing or damaged, and `TransientError`.
    """
    for block in (block for part in dataset.splits.values() for block in part.parts):
        gone = _members(store, dataset.kind, block, word)
        if not gone:
            continue
        for shard in block.shards:
            before = left_of(store, shard)
            if (kept := _less(store.get(before), set(gone))) is not None:
                yield Rewritten(before, store.put("datasets", kept, before.media_type))
        before = left_of(store, block.records)
        table = pq.read_table(io.BytesIO(store.get(before)))
        column, name = DOCUMENTS[dataset.kind]
        ids = [json.loads(row)[name] for row in table.column(column).to_pylist()]
        out = io.BytesIO()
        pq.write_table(table.filter(pa.array([each not in gone for each in ids])), out, compression="zstd")
        yield Rewritten(before, store.put("datasets", out.getvalue(), before.media_type), sum(gone.values()))


def _members(store: ArtifactStore, kind: Kind, block: Block, word: Withdrawal) -> dict[str, int]:
    """Ids of the members of a block that the word is about, each with its pairs; also of those that are left out."""
    taken, found = standing([word]), dict[str, int]()
    for member, row in rows_of(store, block.records, kind):
        if kind == "studies":
            study = StructuredStudy.model_validate_json(row["study"])
            if taken.of_study(study.study_id, study.patient):
                found[member] = len(study.pairs)
        elif taken.of_pair(Pair.model_validate_json(row["pair"]), row.get("journal")):
            found[member] = 1
    return found


def _less(shard: bytes, gone: set[str]) -> bytes | None:
    """A tar without the members of these ids; None where it has none of them."""
    out = io.BytesIO()
    dropped = 0
    with (
        tarfile.open(fileobj=io.BytesIO(shard)) as before,
        tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as after,
    ):
        for member in before:
            if member.name.split(".")[0] in gone:
                dropped += 1
                continue
            after.addfile(member, before.extractfile(member))
    return out.getvalue() if dropped else None
