"""The schema in which BioMed Central delivered until 2015 (root ``art``): the same content under other names."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from journalclip_shared.ids import normalise_doi
from journalclip_sources.jats.article import XmlArticle, XmlFigure
from journalclip_sources.jats.parse import local
from journalclip_sources.jats.text import attribute, words


def read(root: etree._Element) -> XmlArticle:
    """The article."""
    front = _child(root, "fm")
    bibliography = _child(front, "bibl") if front is not None else None
    rights = _child(front, "cpyrt") if front is not None else None
    return XmlArticle(
        doi=normalise_doi(
            " ".join(words(each) for each in _named(bibliography, "pubid") if attribute(each, "idtype") == "doi")
        ),
        pmcid=None,
        title=words(_child(bibliography, "title")),
        authors=tuple(_authors(bibliography)),
        journal=words(_child(bibliography, "source")),
        year=words(_child(bibliography, "pubdate"))[:4],
        volume=words(_child(bibliography, "volume")),
        page_range=words(_child(bibliography, "fpage")),
        article_type=words(_child(front, "dochead")).lower(),
        licence=words(rights),
        licence_from="sentence" if rights is not None else "",
        figures=tuple(_figure(each) for each in root.iter() if local(each) == "fig"),
        files=tuple(attribute(each, "file") for each in root.iter() if local(each) == "graphic"),
        has_body=_child(root, "bdy") is not None,
    )


def _figure(figure: etree._Element) -> XmlFigure:
    text = _child(figure, "text")
    return XmlFigure(
        id=attribute(figure, "id"),
        label=words(_child(figure, "title")),
        caption=words(text) or words(_child(figure, "caption")),
        credit="",
        graphics=tuple(name for each in figure if local(each) == "graphic" and (name := attribute(each, "file"))),
        mentions=(),
    )


def _child(element: etree._Element | None, name: str) -> etree._Element | None:
    return next((each for each in element if local(each) == name), None) if element is not None else None


def _named(element: etree._Element | None, name: str) -> Iterator[etree._Element]:
    return (each for each in element.iter() if local(each) == name) if element is not None else iter(())


def _authors(bibliography: etree._Element | None) -> Iterator[str]:
    for author in _named(bibliography, "au"):
        if full := " ".join(filter(None, (words(_child(author, part)) for part in ("fnm", "mi", "snm")))):
            yield full
