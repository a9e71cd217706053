"""The sandbox of articles: one PDF a child, read by `extractor.read_article`."""

from __future__ import annotations

from pathlib import Path

from journalclip_extraction.article import ExtractOptions, ReadArticle
from journalclip_extraction.codec import ARTICLES
from journalclip_sources.sandbox import Cell, Limits

READER = "journalclip_extraction.extractor:read_article"
ARTICLE_CODEC = "journalclip_extraction.codec:ARTICLES"


class Sandbox(Cell[ExtractOptions, ReadArticle]):
    """The cell of articles."""

    def __init__(self, limits: Limits | None = None, reader: str = READER, container: Path | None = None) -> None:
        super().__init__(limits or Limits(), reader, ARTICLES, ARTICLE_CODEC, container)

    def limits_for(self, options: ExtractOptions) -> Limits:
        return self.limits.for_ocr() if options.ocr else self.limits
