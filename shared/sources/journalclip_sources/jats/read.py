"""JATS (and NLM, and BMC's older schema) -> `XmlArticle`.

Only the article itself is read: figures of sub-articles (translations, decision letters), of supplements and of boxed
pictures without a figure around them are not its figures.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from journalclip_shared.ids import normalise_doi, normalise_pmcid
from journalclip_sources.jats import bmc
from journalclip_sources.jats.article import XmlArticle
from journalclip_sources.jats.figures import read_figures
from journalclip_sources.jats.licence import read_licence
from journalclip_sources.jats.parse import is_article, local, parse, require_article
from journalclip_sources.jats.text import attribute, words

_BODY = 300  # characters: less is a placeholder
_NOT_ITS_OWN = frozenset({"sub-article", "response", "ref-list", "related-article", "related-object", "product"})


_RELATED = frozenset({"related-article", "related-object"})
_RETRACTED = frozenset({"retracted-article", "partial-retraction", "removed-article", "withdrawn-article"})


def read_xml(data: bytes) -> list[XmlArticle]:
    """Every article of one XML file. Raises `PermanentError` with a code of `parse`."""
    root = parse(data)
    if local(root) == "art":
        return [bmc.read(root)]
    require_article(root)
    articles = [root] if local(root) == "article" else [each for each in root.iter() if local(each) == "article"]
    return [_read(each) for each in articles]


def is_article_xml(data: bytes) -> bool:
    """Is this an article's XML, and no manifest or deposit? Raises `PermanentError` for what must be refused."""
    root = parse(data)
    return is_article(root) or local(root) == "art"


def _read(article: etree._Element) -> XmlArticle:
    front = next((each for each in article if local(each) in ("front", "front-stub")), article)
    own = list(_own(article))[1:]
    meta = list(_own(front))
    licence, licence_from = read_licence(meta)
    return XmlArticle(
        doi=_doi(meta),
        pmcid=next((found for each in _ids(meta, "pmc", "pmcid") if (found := normalise_pmcid(words(each)))), None),
        title=_title(meta),
        authors=tuple(_authors(meta)),
        journal=_first(meta, "journal-title"),
        year=_year(meta),
        volume=_first(meta, "volume"),
        page_range=_extent(_first(meta, "fpage"), _first(meta, "lpage")) or _first(meta, "elocation-id"),
        article_type=attribute(article, "article-type"),
        licence=licence,
        licence_from=licence_from,
        figures=read_figures(own),
        files=tuple(dict.fromkeys(href for each in own if (href := attribute(each, "href")) and local(each) in _FILES)),
        retracts=tuple(dict.fromkeys(_retracts(front))),
        has_body=any(local(each) in ("body", "floats-group") and len(words(each)) >= _BODY for each in article),
    )


_FILES = frozenset({"graphic", "inline-graphic", "media", "supplementary-material", "self-uri"})


def _own(element: etree._Element) -> Iterator[etree._Element]:
    """The element and all in it, without what belongs to something else."""
    yield element
    for child in element:
        if local(child) and local(child) not in _NOT_ITS_OWN:
            yield from _own(child)


def _ids(meta: list[etree._Element], *kinds: str) -> Iterator[etree._Element]:
    for each in meta:
        if local(each) == "article-id" and attribute(each, "pub-id-type") in kinds:
            yield each


def _doi(meta: list[etree._Element]) -> str | None:
    return next((found for each in _ids(meta, "doi") if (found := normalise_doi(words(each)))), None)


def _retracts(front: etree._Element) -> Iterator[str]:
    """DOIs of articles that this one retracts; a retracted article's link to its notice has another type."""
    for each in front.iter():
        if local(each) in _RELATED and attribute(each, "related-article-type") in _RETRACTED:
            doi = normalise_doi(attribute(each, "href")) or normalise_doi(words(each))
            if doi is not None:
                yield doi


def _first(meta: list[etree._Element], name: str) -> str:
    return next((text for each in meta if local(each) == name and (text := words(each))), "")


def _extent(first: str, last: str) -> str:
    return f"{first}-{last}" if first and last and last != first else first


def _title(meta: list[etree._Element]) -> str:
    group = next((each for each in meta if local(each) == "title-group"), None)
    titles = [each for each in (group if group is not None else ()) if local(each) == "article-title"]
    return words(titles[0], ("xref", "fn")) if titles else words(
        next((each for each in meta if local(each) == "article-title"), None), ("xref", "fn")
    )  # fmt: skip


def _authors(meta: list[etree._Element]) -> Iterator[str]:
    for contributor in meta:
        if local(contributor) != "contrib" or attribute(contributor, "contrib-type") not in ("author", ""):
            continue
        for name in contributor.iter():
            if local(name) == "name":
                parts = {local(part): words(part) for part in name}
                full = " ".join(filter(None, (parts.get(part, "") for part in ("given-names", "surname", "suffix"))))
            elif local(name) in ("collab", "string-name"):
                full = words(name, ("contrib-group", "xref"))
            else:
                continue
            if full:
                yield full
            break


def _year(meta: list[etree._Element]) -> str:
    """Of the earliest publication; of an accepted or received manuscript only where nothing else is there."""
    years = [
        words(each) for date in meta if local(date) == "pub-date" for each in date.iter() if local(each) == "year"
    ]  # fmt: skip
    return min((year for year in years if year.isdigit() and len(year) == 4), default="")
