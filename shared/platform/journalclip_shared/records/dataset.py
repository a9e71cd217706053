"""A frozen dataset: which pairs, in which split, as which bytes. Its id is a digest of exactly that.

Splits are by article, then whole duplicate clusters move together, so that no article, image or caption stands on two
sides; the leak report that proves it is part of the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.kinds import OfKind
from journalclip_shared.records import Document

Split = Literal["train", "val", "test"]


class LeakReport(Document):
    """How many times something stands in more than one split; all zero or the dataset is refused."""

    articles: int = 0
    image_digests: int = 0
    near_images: int = 0
    altered_images: int = Field(
        0,
        description="Cropped, mirrored, brighter or recompressed copies, by fingerprint.",
        exclude_if=lambda count: not count,  # manifests of older releases keep their bytes
    )
    captions: int = 0

    @property
    def total(self) -> int:
        return self.articles + self.image_digests + self.near_images + self.altered_images + self.captions


class Block(Document):
    """Members that one freeze wrote: records as Parquet, sorted by id, and tar shards. Later versions use it too."""

    members: int = Field(ge=0, description="Rows of the records: pairs, or studies.")
    records: ArtifactRef
    shards: tuple[ArtifactRef, ...] = ()
    excluded: tuple[str, ...] = Field((), description="Ids of members that this version leaves out.")

    @property
    def refs(self) -> tuple[ArtifactRef, ...]:
        return (self.records, *self.shards)


class SplitPart(Document):
    """One split: blocks in order of arrival. One block that is whole stands in ``records`` and ``shards``, as it did
    before there were several; a reader of then refuses a split without them, rather than read a part of it."""

    pairs: int = Field(ge=0)
    articles: int = Field(ge=0)
    records: ArtifactRef | None = Field(None, exclude_if=lambda ref: ref is None)
    shards: tuple[ArtifactRef, ...] = ()
    blocks: tuple[Block, ...] = Field((), exclude_if=lambda blocks: not blocks)

    @classmethod
    def of(cls, blocks: Sequence[Block], pairs: int, articles: int) -> SplitPart:
        if len(blocks) == 1 and not blocks[0].excluded:
            return cls(pairs=pairs, articles=articles, records=blocks[0].records, shards=blocks[0].shards)
        return cls(pairs=pairs, articles=articles, blocks=tuple(blocks))

    @property
    def parts(self) -> tuple[Block, ...]:
        """The blocks, however they are written down."""
        if self.records is None:
            return self.blocks
        return (Block(members=self.pairs, records=self.records, shards=self.shards),)

    @property
    def refs(self) -> tuple[ArtifactRef, ...]:
        """Every object that the split is made of."""
        return tuple(ref for block in self.parts for ref in block.refs)


class DatasetManifest(OfKind, Document):
    """A dataset version. ``dataset_id`` digests pair ids, contents, splits and image size; not time or place."""

    dataset_id: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    splits: dict[Split, SplitPart]
    leaks: LeakReport
    dropped: dict[str, int] = Field(default_factory=dict, description="Pairs left out, by reason.")
    licences: dict[str, int] = Field(default_factory=dict)
    modalities: dict[str, int] = Field(default_factory=dict)
    structurers: tuple[str, ...] = ()
    extractors: tuple[str, ...] = ()
    image_size: int = Field(gt=0, description="Pixels of the longer side that shard images were resized to.")
    seed: int = 0
