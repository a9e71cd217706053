"""A PDF's bytes -> `ReadArticle`s, one an article: the whole of reading PDFs as one pure function.

Nothing is written and nothing but the bytes is read, so it can run in a child process without rights. The same bytes
and options give the same result, crops included. A page that MuPDF cannot interpret costs that page only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pymupdf

from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadDelivery, ReadFigure, ReadPart
from journalclip_extraction.bibliography import read_facts
from journalclip_extraction.captions.candidates import find_candidates
from journalclip_extraction.captions.choose import choose, is_main, settle
from journalclip_extraction.captions.gather import Gatherer, taken
from journalclip_extraction.captions.wording import Vocabulary, is_doubtful, worded
from journalclip_extraction.figures.continued import Whole, gather_parts, joined_wording
from journalclip_extraction.figures.crops import Cropper
from journalclip_extraction.figures.layout import Placed, place
from journalclip_extraction.issue.split import Range, SeveralArticles, split
from journalclip_extraction.issue.views import said
from journalclip_extraction.licences import figure_licence
from journalclip_extraction.mentions import find_mentions
from journalclip_extraction.notices import notice_type
from journalclip_extraction.panels import with_panels
from journalclip_extraction.paragraphs import body_paragraphs
from journalclip_extraction.quality import appraise
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import pages_digest
from journalclip_shared.records.article import Licence, Mention
from journalclip_shared.text import clean
from journalclip_sources.pdf.content import Page, Picture
from journalclip_sources.pdf.document import MUPDF_ERRORS, open_pdf
from journalclip_sources.pdf.geometry import to_box
from journalclip_sources.pdf.hidden_text import beside_the_pages, bounded
from journalclip_sources.pdf.labels import Label, series_key
from journalclip_sources.pdf.ligatures import mend_ligatures
from journalclip_sources.pdf.ocr import find_data, level, read_scan
from journalclip_sources.pdf.reader import read_page
from journalclip_sources.pdf.scans import is_scan, is_scanned
from journalclip_sources.pdf.typography import learn
from journalclip_sources.pdf.upright import as_displayed, make_upright
from journalclip_sources.sandbox.limits import allow_pages


def read_pdf(data: bytes, options: ExtractOptions) -> ReadDelivery:
    """Read all articles of a PDF. Raises `PermanentError` (see `document.open_pdf`, `issue.split`)."""
    with open_pdf(data) as document:
        allow_pages(document.page_count)
        pages = _pages(document, options.ocr)
        ranges = split(pages, _outline(document)) or [Range(1, document.page_count, 1.0)]
        if len(ranges) == 1:
            ranges = [Range(1, document.page_count, ranges[0].confidence)]
        articles = [_read_range(document, pages, each, options, alone=len(ranges) == 1) for each in ranges]
        title = clean((document.metadata or {}).get("title") or "") if len(ranges) > 1 else ""
        return ReadDelivery(tuple(articles), document.page_count, title, _outside(ranges, document.page_count))


def read_article(data: bytes, options: ExtractOptions) -> ReadArticle:
    """Read a PDF that holds one article. Raises `PermanentError`, ``several-articles`` where it holds more."""
    articles = read_pdf(data, options).articles
    if len(articles) > 1:
        raise SeveralArticles(articles[0].first_page, articles[-1].last_page, f"there are {len(articles)} of them")
    return articles[0]


def _outline(document: pymupdf.Document) -> list[tuple[int, str, int]]:
    try:
        return [(level, title, page) for level, title, page in document.get_toc()]
    except MUPDF_ERRORS:
        return []  # a broken outline costs one sign of where articles begin


def _outside(ranges: Sequence[Range], count: int) -> tuple[str, ...]:
    """Pages in no article, as text: ``page 1``."""
    inside = {page for each in ranges for page in range(each.first, each.last + 1)}
    return tuple(f"page {page}" for page in range(1, count + 1) if page not in inside)


def _read_range(
    document: pymupdf.Document, everything: Sequence[Page], where: Range, options: ExtractOptions, *, alone: bool
) -> ReadArticle:
    """One article. ``alone``: it is the whole file, so what the file says of itself is said of the article."""
    pages = [page for page in everything if where.first <= page.number <= where.last]
    digest = pages_digest([said(page) for page in pages])
    habits = learn(pages)
    for page in pages:
        make_upright(page, habits)
    candidates = find_candidates(pages, habits)
    gatherer = Gatherer(pages, habits, candidates)
    captions = settle([gatherer.gather(candidate) for candidate in choose(candidates)])
    mentions = find_mentions(body_paragraphs(pages, habits, taken(captions)))
    cropper = Cropper(document, options) if options.crops else None
    metadata, xmp = (document.metadata or {}, document.get_xml_metadata()) if alone else ({}, "")
    facts = read_facts(pages, habits, metadata, xmp)
    making = _Making(mentions, cropper, options, facts.licence, Vocabulary(pages))
    placed = place(pages, captions, habits)
    figures = [appraise(making.figure(whole), options.quality_model) for whole in gather_parts(placed)]
    return ReadArticle(
        where.last - where.first + 1,
        facts,
        tuple(figures),
        bounded([*(text for page in pages for text in page.unseen), *beside_the_pages(document)]),
        captions_seen=sum(is_main(caption) for caption in captions) + sum(part.caption.rival for part in placed),
        first_page=where.first,
        confidence=where.confidence,
        digest=digest,
        article_type=notice_type(facts.title.value or "", pages[0] if pages else None),
    )


def _pages(document: pymupdf.Document, language: str) -> list[Page]:
    """All pages that can be interpreted; scanned ones by OCR in ``language``, if one is named."""
    pages = []
    for number in range(document.page_count):
        try:
            pages.append(read_page(document.load_page(number)))
        except MUPDF_ERRORS:
            continue
    mend_ligatures(pages)
    level([page for page in pages if page.scanned])
    if language:
        return _with_ocr(document, pages, language)
    if is_scanned(pages):
        raise PermanentError(
            "needs-ocr",
            "the pages are images without text",
            "Submit a copy with a text layer, or switch OCR on: --ocr, JOURNALCLIP_EXTRACT__OCR=eng.",
        )
    return pages


def _with_ocr(document: pymupdf.Document, pages: list[Page], language: str) -> list[Page]:
    scans = [page for page in pages if is_scan(page)]
    if not scans:
        return pages
    data = find_data(language)
    read = {page.number: read_scan(document.load_page(page.number - 1), language, data) for page in scans}
    level(list(read.values()))
    return [read.get(page.number, page) for page in pages]


@dataclass(frozen=True)
class _Making:
    """What every figure of an article is made with."""

    mentions: Mapping[str, tuple[Mention, ...]]
    cropper: Cropper | None
    options: ExtractOptions
    licence: Licence  # the article's
    words: Vocabulary

    def figure(self, whole: Whole) -> ReadFigure:
        caption = whole.first.caption
        first, candidate = _part(whole.first, self.cropper), caption.candidate
        label = candidate.label
        wording = joined_wording(worded(caption, self.words), [worded(part.caption, self.words) for part in whole.rest])
        figure = ReadFigure(
            number=label.number,
            label=label.printed,
            caption=wording,
            caption_page=candidate.page.number,
            page=first.page,
            box=first.box,
            boxes=first.boxes,
            kind=_kind(whole.first),
            crop=first.crop,
            mentions=self._mentions(label),
            continued=tuple(_part(part, self.cropper) for part in whole.rest),
            series=label.series,
            suffix=label.suffix if candidate.own else "",
            licence=figure_licence(wording, self.licence),
            flags=("symbols-uncertain",) if is_doubtful(caption) else (),
            caption_translation=worded(caption.translation, self.words) if caption.translation else "",
        )
        if not self.options.panels:
            return figure
        return with_panels(figure, [(p.page, p.box) for p in (whole.first, *whole.rest)])

    def _mentions(self, label: Label) -> tuple[Mention, ...]:
        """Paragraphs that name the figure, or one of the figures that a plate gathers."""
        keys = [label.key, *(series_key(label.series, member) for member in label.members)]
        return tuple(dict.fromkeys(mention for key in keys for mention in self.mentions.get(key, ())))


def _part(placed: Placed, cropper: Cropper | None) -> ReadPart:
    page = placed.page
    return ReadPart(
        page=page.number,
        box=to_box(as_displayed(placed.box, page)) if placed.box else None,
        boxes=tuple(to_box(as_displayed(part.box, page)) for part in placed.parts),
        crop=_crop(cropper, placed),
    )


def _kind(placed: Placed) -> Literal["raster", "vector", "mixed", "none"]:
    if placed.box is None:
        return "none"
    pictures = sum(len(part.pictures) for part in placed.parts)
    paths = sum(part.paths for part in placed.parts)
    if pictures and paths:
        return "mixed"
    return "raster" if pictures else "vector"


def _crop(cropper: Cropper | None, placed: Placed) -> Crop | None:
    if placed.box is None or cropper is None:
        return None
    pictures: Sequence[Picture] = [picture for part in placed.parts for picture in part.pictures]
    paths = sum(part.paths for part in placed.parts)
    try:
        return cropper.crop(placed.page, placed.box, pictures, paths)
    except MUPDF_ERRORS:
        return None  # an image that MuPDF refuses costs its own crop, not the article
