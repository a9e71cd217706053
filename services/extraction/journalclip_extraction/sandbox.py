"""The sandbox of articles: one delivery a child, read by `delivery.read_delivery`."""

from __future__ import annotations

from pathlib import Path

from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.codec import ARTICLES
from journalclip_sources.sandbox import Cell, Limits

READER = "journalclip_extraction.delivery:read_delivery"
ARTICLE_CODEC = "journalclip_extraction.codec:ARTICLES"


class Sandbox(Cell[ExtractOptions, ReadDelivery]):
    """The cell of articles."""

    def __init__(self, limits: Limits | None = None, reader: str = READER, container: Path | None = None) -> None:
        super().__init__(limits or Limits(), reader, ARTICLES, ARTICLE_CODEC, container)

    def limits_for(self, options: ExtractOptions) -> Limits:
        return self.limits.for_ocr() if options.ocr else self.limits
