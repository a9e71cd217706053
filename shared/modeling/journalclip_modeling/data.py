"""A frozen dataset, read back: its pairs in order, and its images.

Records are Parquet, one row a pair, sorted by ``pair_id``, the whole `Pair` as JSON in the column ``pair`` beside
flat columns for people. Images are WebDataset tar shards of JPEGs named ``<pair_id>.jpg``, in the same order, resized
once to the manifest's ``image_size``.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pyarrow.parquet as pq
from PIL import Image

from journalclip_modeling.frozen import Frozen
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair

_ROWS = 4096  # records decoded at a time: tens of MiB


class FrozenDataset(Frozen):
    """Pairs of articles."""

    def pairs(self, split: Split) -> list[Pair]:
        """All pairs of a split, sorted by id."""
        return list(self.stream(split))

    def stream(self, split: Split) -> Iterator[Pair]:
        """As `pairs`, a few thousand in memory at a time."""
        part = self.manifest.splits[split]
        if part.pairs:
            records = pq.ParquetFile(io.BytesIO(self.records(split)))
            for batch in records.iter_batches(_ROWS, columns=["pair"]):
                yield from (Pair.model_validate_json(row) for row in batch.column("pair").to_pylist())

    def stream_with_journals(self, split: Split) -> Iterator[tuple[Pair, str | None]]:
        """As `stream`, each pair with the name of its article's journal, where the records have it."""
        part = self.manifest.splits[split]
        if part.pairs:
            records = pq.ParquetFile(io.BytesIO(self.records(split)))
            columns = [name for name in ("pair", "journal") if name in records.schema_arrow.names]
            for batch in records.iter_batches(_ROWS, columns=columns):
                for row in batch.to_pylist():
                    yield Pair.model_validate_json(row["pair"]), row.get("journal")

    def jpegs(self, split: Split) -> Iterator[tuple[str, bytes]]:
        """``(pair_id, JPEG bytes)`` in the order of `pairs`."""
        for shard in self.shards(split):
            with tarfile.open(fileobj=io.BytesIO(self.store.get(shard))) as tar:
                for member in tar:
                    handle = tar.extractfile(member)
                    if handle is not None and member.name.endswith(".jpg"):
                        yield member.name.removesuffix(".jpg"), handle.read()

    def images(self, split: Split) -> Iterator[tuple[str, Image.Image]]:
        """``(pair_id, RGB image)`` in the order of `pairs`."""
        for pair_id, data in self.jpegs(split):
            yield pair_id, Image.open(io.BytesIO(data)).convert("RGB")
