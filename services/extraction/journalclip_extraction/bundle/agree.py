"""The pages' reader measured against the article's own XML: free gold in every bundle that has both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from journalclip_extraction.article import ReadArticle, ReadFigure
from journalclip_extraction.bundle.likeness import best_likeness, plain
from journalclip_extraction.bundle.matching import key_of, wordings
from journalclip_extraction.licences import normalise
from journalclip_shared.ids import normalise_doi
from journalclip_shared.records.article import Agreement
from journalclip_sources.jats.article import XmlArticle

FOUND = 0.9  # of likeness
_PRINTED = 40  # letters of a caption that the pages must print for it to count


def agreement(
    xml: XmlArticle,
    read: ReadArticle,
    pairs: Sequence[ReadFigure | None],
    printed: str,
    pictures: Mapping[str, str],
) -> Agreement:
    """``pairs``: for each figure of the XML that of the pages; ``printed``: all letters that the pages print."""
    rows = []
    figures = found = 0
    for figure, other in zip(xml.figures, pairs, strict=True):
        alike = best_likeness(other.caption, wordings(figure)) if other else 0.0
        rows.append((key_of(figure), round(alike, 4)))
        if any(plain(each)[:_PRINTED] in printed for each in wordings(figure)):
            figures += 1
            found += alike >= FOUND
    matched = {id(each) for each in pairs if each is not None}
    return Agreement(
        figures=figures,
        found=found,
        extra=sum(1 for each in read.figures if id(each) not in matched),
        similarity=tuple(rows),
        pictures=tuple(pictures.items()),
        doi=_same_doi(xml.doi, read.facts.doi.value),
        licence=_same_licence(xml.licence, read.facts.licence),
    )


def _same_doi(one: str | None, other: str | None) -> bool | None:
    return normalise_doi(one) == normalise_doi(other) if one and other else None


def _same_licence(statement: str, read: str) -> bool | None:
    stated = normalise(statement) if statement else "unknown"
    return stated == read if stated != "unknown" and read != "unknown" else None
