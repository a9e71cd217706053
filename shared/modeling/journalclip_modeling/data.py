"""A frozen dataset, read back: its pairs in order, and its images.

Records are Parquet, one row a pair, the whole `Pair` as JSON in the column ``pair`` beside flat columns for people.
Images are WebDataset tar shards of JPEGs named ``<pair_id>.jpg``, in the same order, resized once to the manifest's
``image_size``.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from PIL import Image

from journalclip_shared.frozen import Frozen
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair


class FrozenDataset(Frozen):
    """Pairs of articles."""

    def pairs(self, split: Split) -> list[Pair]:
        """All pairs of a split, sorted by id."""
        return sorted(self.stream(split), key=lambda pair: pair.pair_id)

    def stream(self, split: Split) -> Iterator[Pair]:
        """Those pairs in the dataset's order, a few thousand in memory at a time."""
        yield from (Pair.model_validate_json(row["pair"]) for row in self.rows(split, "pair"))

    def stream_with_journals(self, split: Split) -> Iterator[tuple[Pair, str | None]]:
        """As `stream`, each pair with the name of its article's journal, where the records have it."""
        for row in self.rows(split, "pair", "journal"):
            yield Pair.model_validate_json(row["pair"]), row.get("journal")

    def jpegs(self, split: Split) -> Iterator[tuple[str, bytes]]:
        """``(pair_id, JPEG bytes)`` in the order of `stream`."""
        for shard in self.shards(split):
            with tarfile.open(fileobj=io.BytesIO(self.store.get(shard.ref))) as tar:
                for member in tar:
                    handle = tar.extractfile(member)
                    if handle is not None and member.name.endswith(".jpg") and shard.holds(member.name):
                        yield member.name.removesuffix(".jpg"), handle.read()

    def images(self, split: Split) -> Iterator[tuple[str, Image.Image]]:
        """``(pair_id, RGB image)`` in the order of `stream`."""
        for pair_id, data in self.jpegs(split):
            yield pair_id, Image.open(io.BytesIO(data)).convert("RGB")
