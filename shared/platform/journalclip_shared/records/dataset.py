"""A frozen dataset: which pairs, in which split, as which bytes. Its id is a digest of exactly that.

Splits are by article, then whole duplicate clusters move together, so that no article, image or caption stands on two
sides; the leak report that proves it is part of the manifest.
"""

from __future__ import annotations

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


class SplitPart(Document):
    """One split: records as Parquet (one row a pair, sorted by pair_id), images as WebDataset tar shards."""

    pairs: int = Field(ge=0)
    articles: int = Field(ge=0)
    records: ArtifactRef
    shards: tuple[ArtifactRef, ...] = ()


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
