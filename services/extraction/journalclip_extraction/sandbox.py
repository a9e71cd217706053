"""The sandbox of articles: one delivery a child, read by `delivery.read_delivery`.

What Crossref adds, where it is switched on, is asked for here, outside the child, which has no network.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.codec import ARTICLES
from journalclip_extraction.crossref import Crossref
from journalclip_sources.sandbox import Cell, Limits

READER = "journalclip_extraction.delivery:read_delivery"
ARTICLE_CODEC = "journalclip_extraction.codec:ARTICLES"


class Sandbox(Cell[ExtractOptions, ReadDelivery]):
    """The cell of articles."""

    def __init__(self, limits: Limits | None = None, reader: str = READER, container: Path | None = None) -> None:
        super().__init__(limits or Limits(), reader, ARTICLES, ARTICLE_CODEC, container)

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        """Also raises what `Crossref.complete` does."""
        found = super().read(data, options)
        if not options.crossref:
            return found
        crossref = Crossref(options.crossref)
        return replace(found, articles=tuple(map(crossref.complete, found.articles)))

    def limits_for(self, options: ExtractOptions) -> Limits:
        return self.limits.for_ocr() if options.ocr else self.limits
