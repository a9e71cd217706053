"""XML, pages and pictures -> one `ReadArticle`.

Words come from the XML: caption, label, references to the figure, facts. Place comes from the pages: page, box, panels.
The picture is whichever is sharper, if both show the same. Where they do not, the page's stays, and the agreement says
so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadFigure, ReadPanel
from journalclip_extraction.bundle.agree import agreement
from journalclip_extraction.bundle.group import Group, pictures_of
from journalclip_extraction.bundle.matching import key_of, match, numbered
from journalclip_extraction.bundle.pictures import best_rendition, part_of, same_picture, sharper
from journalclip_extraction.licences import address_of, figure_licence, normalise, version_of
from journalclip_extraction.panels import with_panels_of
from journalclip_extraction.panels.subcaptions import parse_subcaptions
from journalclip_extraction.quality import appraise
from journalclip_shared.ids import pages_digest
from journalclip_shared.records.article import ArticleFacts, Box, Licence, Mention, Source, Sourced
from journalclip_sources.jats.article import XmlArticle, XmlFigure
from journalclip_sources.pdf.geometry import Rect


@dataclass(frozen=True)
class Raster:
    """An image as placed on a page: its box in points and how many pixels a point it has."""

    page: int
    box: Rect
    density: float


@dataclass(frozen=True)
class Pages:
    """An article read from its pages, all letters that they print, and the images placed on them."""

    article: ReadArticle
    printed: str
    rasters: tuple[Raster, ...] = ()

    def pixels(self, figure: ReadFigure) -> float:
        """The long side that the figure really has: of its images, or of its crop where it is drawn as vectors."""
        if figure.crop is None or figure.box is None:
            return 0.0
        box = Rect(figure.box.x0, figure.box.y0, figure.box.x1, figure.box.y1)
        inside = [each.density for each in self.rasters if each.page == figure.page and box.grow(2.0).holds(each.box)]
        long = max(figure.crop.width, figure.crop.height)
        if figure.kind == "vector" or not inside:
            return float(long)
        return min(float(long), max(inside) * max(box.width, box.height))


def fuse(group: Group, pages: Pages | None, files: Mapping[str, bytes], options: ExtractOptions) -> ReadArticle:
    """One article of a bundle."""
    xml = group.xml
    read = pages.article if pages else None
    if read is not None and not xml.has_body:  # front matter alone: the pages have the figures
        stated = replace(
            read, facts=_facts(xml, read), pmcid=xml.pmcid, article_type=xml.article_type, retracts=xml.retracts
        )
        return replace(stated, sources=("pdf", "xml"))
    facts = _facts(xml, read)
    pairs = match(xml.figures, read.figures if read else ())
    taken: dict[str, str] = {}
    figures = []
    for figure, other in zip(xml.figures, pairs, strict=True):
        package = _package(group, figure, files, options)
        crop, source = _choice(other.crop if other else None, package, pages.pixels(other) if pages and other else 0.0)
        if source:
            taken[key_of(figure) or figure.id or str(len(taken) + 1)] = source
        if figure.caption or other is not None:
            figures.append(_figure(figure, other, crop, options, facts.licence))
    has_pictures = any(pictures_of(files, names) for names in group.pictures.values())
    sources: tuple[Source, ...] = ("xml",)
    if read is not None:
        sources = ("package", "pdf", "xml") if has_pictures else ("pdf", "xml")
    elif has_pictures:
        sources = ("package", "xml")
    measured = agreement(xml, read, pairs, pages.printed, taken) if read is not None and pages is not None else None
    return ReadArticle(
        captions_seen=len(xml.figures),
        pages=read.pages if read else 0,
        figures=tuple(figures),
        unseen=read.unseen if read else (),
        first_page=read.first_page if read else 1,
        confidence=read.confidence if read else 1.0,
        digest=read.digest if read else pages_digest([xml.title, *(each.caption for each in xml.figures)]),
        sources=sources,
        agreement=measured,
        facts=facts,
        pmcid=xml.pmcid,
        article_type=xml.article_type,
        retracts=xml.retracts,
    )


def _package(group: Group, figure: XmlFigure, files: Mapping[str, bytes], options: ExtractOptions) -> Crop | None:
    """The sharpest rendition of the figure's picture. Several pictures of one figure are no one picture."""
    if not options.crops:
        return None
    names = [name for address in figure.graphics for name in group.pictures.get(address, ())]
    best = best_rendition(pictures_of(files, dict.fromkeys(names)), options)
    return best[1] if best else None


def _choice(page: Crop | None, package: Crop | None, pixels: float) -> tuple[Crop | None, str]:
    """The picture to take, and why. ``pixels``: long side that the page's picture has before it is rendered."""
    if package is None:
        return page, "page" if page else ""
    if page is None:
        return package, "package"
    if not same_picture(package, page):
        return page, "page, the package shows another"
    return (package, "package") if sharper(package, pixels) else (page, "page, sharper")


def _figure(
    figure: XmlFigure, other: ReadFigure | None, crop: Crop | None, options: ExtractOptions, licence: Licence
) -> ReadFigure:
    series, number, suffix = numbered(figure)
    if other is None:
        kind: Literal["raster", "none"] = "raster" if crop else "none"
        read = ReadFigure(
            number, figure.label, figure.caption, 1, 1, None, kind=kind, crop=crop, series=series, suffix=suffix
        )
    else:
        read = replace(other, caption=figure.caption or other.caption)
        if figure.label:
            read = replace(read, label=figure.label, number=number, series=series, suffix=suffix)
    read = replace(read, licence=figure_licence(f"{figure.caption} {figure.credit} {figure.rights}", licence))
    if figure.mentions:
        page = read.mentions[0].page if read.mentions else read.caption_page
        read = replace(read, mentions=tuple(Mention(page=page, text=text) for text in figure.mentions if text))
    if other is not None and crop is not None and crop is not other.crop and other.box is not None:
        read = replace(read, crop=crop, panels=_recut(other, other.box, crop))
    read = _resubtitled(read)
    if read.panels == () and options.panels and crop is not None and other is None:
        read = with_panels_of(read, crop)
    return appraise(read, options.quality_model)


def _recut(figure: ReadFigure, box: Box, crop: Crop) -> tuple[ReadPanel, ...]:
    """The same panels, cut out of the sharper picture."""
    wide, high = max(box.x1 - box.x0, 1e-6), max(box.y1 - box.y0, 1e-6)
    found = []
    for panel in figure.panels:
        share = (
            (panel.box.x0 - box.x0) / wide, (panel.box.y0 - box.y0) / high,
            (panel.box.x1 - box.x0) / wide, (panel.box.y1 - box.y0) / high,
        )  # fmt: skip
        inside = panel.page == figure.page and all(-0.01 <= each <= 1.01 for each in share)
        own = part_of(crop, share) if inside else None
        found.append(replace(panel, crop=own, phash=None) if own else panel)
    return tuple(found)


def _resubtitled(figure: ReadFigure) -> ReadFigure:
    """Panels with the XML's words; without them where the XML names other panels."""
    if not figure.panels:
        return figure
    read = parse_subcaptions(figure.caption)
    if read is None or {each.letter for each in figure.panels} != set(read.labels):
        return figure
    panels = tuple(
        replace(each, subcaption=read.parts[each.letter or ""], text=read.text(each.letter or ""))
        for each in figure.panels
    )
    return replace(figure, panels=panels)


def _facts(xml: XmlArticle, read: ReadArticle | None) -> ArticleFacts:
    """What the XML says of the article; where it is silent the pages speak."""
    before = read.facts if read else ArticleFacts()
    facts = before.model_copy(
        update={name: Sourced(value=value, where="XML") for name, value in _stated(xml).items() if value}
    )
    if xml.authors:
        facts = facts.model_copy(update={"authors": xml.authors, "authors_where": "XML"})
    if xml.licence:
        facts = facts.model_copy(update=_terms(xml))
    return facts


def _terms(xml: XmlArticle) -> dict[str, object]:
    """The licence that the XML states, with version and address: all of one statement."""
    licence = normalise(xml.licence)
    version = version_of(xml.licence) if licence.startswith("CC") else None
    return {
        "licence_statement": Sourced(value=xml.licence, where=f"XML, {xml.licence_from}"),
        "licence": licence,
        "licence_version": version,
        "licence_url": address_of(licence, version),
    }


def _stated(xml: XmlArticle) -> dict[str, str | None]:
    """Facts of the XML by the names of `ArticleFacts`."""
    return {
        "title": xml.title,
        "doi": xml.doi,
        "journal": xml.journal,
        "year": xml.year,
        "volume": xml.volume,
        "page_range": xml.page_range,
    }
