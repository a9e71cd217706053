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

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest, Split
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.withdrawals import left_of, standing

# The column of whole documents, which records of every age have, and the member's id in it.
_DOCUMENTS: dict[Kind, tuple[str, str]] = {"articles": ("pair", "pair_id"), "studies": ("study", "study_id")}


@dataclass(frozen=True)
class Rewritten:
    """A part, what stands in its place, and how many pairs that lacks."""

    before: ArtifactRef
    after: ArtifactRef
    pairs: int = 0


def without(store: ArtifactStore, dataset: DatasetManifest, word: Withdrawal) -> Iterator[Rewritten]:
    """Store the parts of a dataset anew that hold something of what ``word`` withdrew.

    Of each split the records come last: they say what the shards hold, so an erasure that died is found by them.
    Raises `PermanentError` where a part is missing or damaged, and `TransientError`.
    """
    for split, part in dataset.splits.items():
        gone = _members(store, dataset, split, word)
        if not gone:
            continue
        for shard in part.shards:
            before = left_of(store, shard)
            if (kept := _less(store.get(before), set(gone))) is not None:
                yield Rewritten(before, store.put("datasets", kept, before.media_type))
        before = left_of(store, part.records)
        table = pq.read_table(io.BytesIO(store.get(before)))
        column, name = _DOCUMENTS[dataset.kind]
        ids = [json.loads(row)[name] for row in table.column(column).to_pylist()]
        out = io.BytesIO()
        pq.write_table(table.filter(pa.array([each not in gone for each in ids])), out, compression="zstd")
        yield Rewritten(before, store.put("datasets", out.getvalue(), before.media_type), sum(gone.values()))


def _members(store: ArtifactStore, dataset: DatasetManifest, split: Split, word: Withdrawal) -> dict[str, int]:
    """Ids of the members of a split that the word is about, each with its pairs."""
    taken = standing([word])
    if dataset.kind == "studies":
        studies = FrozenStudies(store, dataset).studies(split)
        return {each.study_id: len(each.pairs) for each in studies if taken.of_study(each.study_id, each.patient)}
    pairs = FrozenDataset(store, dataset).stream_with_journals(split)
    return {pair.pair_id: 1 for pair, journal in pairs if taken.of_pair(pair, journal)}


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
