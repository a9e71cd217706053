"""An image-text pair: the unit that is trained on, searched for and explained.

``pair_id`` is made from figure, panel and structuring version, so a pair of the same name always has the same content.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records import Document
from journalclip_shared.records.article import ArticleFacts, Box, Fingerprint, Licence, Modality, Quality
from journalclip_shared.records.caption import CaptionRecord


class Pair(Document):
    """One image with its text, and enough to walk back to the page."""

    pair_id: str
    article_id: str
    figure_id: str
    panel_id: str | None = None
    letter: str | None = None
    label: str
    image: ArtifactRef
    phash: str | None = None
    fingerprint: Fingerprint | None = None
    text: str = Field(min_length=1, description="Caption or subcaption, as printed.")
    record: CaptionRecord
    mentions: tuple[str, ...] = ()
    page: int = Field(ge=1)
    box: Box | None = None
    modality: Modality = "unknown"
    tier: Literal["panels", "whole"] = "whole"
    quality: Quality | None = None
    licence: Licence = "unknown"


class FailedText(Document):
    """A figure or panel that has no pair, since no structurer could do its text."""

    figure_id: str
    panel_id: str | None = None
    code: str
    reason: str


class StructuredArticle(Document):
    """All pairs of one article, by one structurer version."""

    article_id: str
    structurer: str = Field(description="Name and version of the structurer, its prompt and model where it has them.")
    extractor: str
    source: ArtifactRef = Field(description="The `ExtractedArticle` these came from.")
    name: str
    pdf: ArtifactRef
    facts: ArticleFacts = ArticleFacts()
    pairs: tuple[Pair, ...] = ()
    failed: tuple[FailedText, ...] = Field(
        (), description="Texts that are no pair, with the reason; none is dropped unsaid."
    )
