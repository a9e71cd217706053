"""What an article's XML says, as plain values; no element of a tree leaves this package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class XmlFigure:
    """A figure as the XML has it. ``credit`` stands below the caption in print (source line or second language)."""

    id: str
    label: str
    caption: str
    credit: str
    graphics: tuple[str, ...]  # addresses as written; none of them is a path
    mentions: tuple[str, ...]  # paragraphs that refer to it
    rights: str = ""  # where they differ from the article's


@dataclass(frozen=True)
class XmlArticle:
    """An article as its XML has it. ``files`` are all addresses of files that the XML names."""

    doi: str | None
    pmcid: str | None
    title: str
    authors: tuple[str, ...]
    journal: str
    year: str
    volume: str
    page_range: str  # "12-19", or the article's number where it has no pages
    article_type: str
    licence: str  # statement and address, as the XML has them
    licence_from: str
    figures: tuple[XmlFigure, ...]
    files: tuple[str, ...]
    has_body: bool  # more than front matter: figures that it does not name are not there
    retracts: tuple[str, ...] = ()  # DOIs of articles that it names as retracted
