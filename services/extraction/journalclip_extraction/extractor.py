"""One PDF's bytes -> `ReadArticle`: the whole of extraction as one pure function.

Nothing is written and nothing but the bytes is read, so it can run in a child process without rights. The same bytes
and options give the same result, crops included. A page that MuPDF cannot interpret costs that page only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pymupdf

from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadFigure
from journalclip_extraction.captions.candidates import find_candidates
from journalclip_extraction.captions.choose import choose
from journalclip_extraction.captions.gather import Caption, Gatherer, taken
from journalclip_extraction.captions.wording import join_lines
from journalclip_extraction.document import MUPDF_ERRORS, open_pdf
from journalclip_extraction.facts import read_facts
from journalclip_extraction.figures.crops import crop
from journalclip_extraction.figures.layout import Placed, place
from journalclip_extraction.geometry import to_box
from journalclip_extraction.mentions import find_mentions
from journalclip_extraction.page.content import Page, Picture
from journalclip_extraction.page.reader import read_page
from journalclip_extraction.page.scans import is_scanned
from journalclip_extraction.page.typography import learn
from journalclip_extraction.panels import with_panels
from journalclip_extraction.paragraphs import body_paragraphs
from journalclip_extraction.quality import appraise
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import Mention


def read_article(data: bytes, options: ExtractOptions) -> ReadArticle:
    """Read one article. Raises `PermanentError` (see `document.open_pdf`)."""
    with open_pdf(data) as document:
        pages = _pages(document)
        habits = learn(pages)
        candidates = find_candidates(pages, habits)
        gatherer = Gatherer(pages, habits, candidates)
        captions = [gatherer.gather(candidate) for candidate in choose(candidates)]
        mentions = find_mentions(body_paragraphs(pages, habits, taken(captions)))
        figures = [
            appraise(_figure(document, placed, mentions, options), options.quality_model)
            for placed in place(pages, captions, habits)
        ]
        facts = read_facts(pages, habits, document.metadata or {}, document.get_xml_metadata())
        return ReadArticle(document.page_count, facts, tuple(figures))


def _pages(document: pymupdf.Document) -> list[Page]:
    pages = []
    for number in range(document.page_count):
        try:
            pages.append(read_page(document.load_page(number)))
        except MUPDF_ERRORS:
            continue
    if is_scanned(pages):
        raise PermanentError("needs-ocr", "the pages are images without text", "Submit a copy with a text layer.")
    return pages


def _figure(
    document: pymupdf.Document, placed: Placed, mentions: Mapping[str, tuple[Mention, ...]], options: ExtractOptions
) -> ReadFigure:
    caption = placed.caption
    figure = ReadFigure(
        number=caption.candidate.label.number,
        label=caption.candidate.label.printed,
        caption=_wording(caption),
        caption_page=caption.candidate.page.number,
        page=placed.page.number,
        box=to_box(placed.box) if placed.box else None,
        boxes=tuple(to_box(part.box) for part in placed.parts),
        kind=_kind(placed),
        crop=_crop(document, placed, options),
        mentions=mentions.get(caption.candidate.label.number, ()),
    )
    return with_panels(figure, placed.page.lines) if options.panels else figure


def _wording(caption: Caption) -> str:
    first, *rest = caption.lines
    return join_lines([first.text[caption.candidate.label.end :].strip(), *(line.text for line in rest)]).strip()


def _kind(placed: Placed) -> Literal["raster", "vector", "mixed", "none"]:
    if placed.box is None:
        return "none"
    pictures = sum(len(part.pictures) for part in placed.parts)
    paths = sum(part.paths for part in placed.parts)
    if pictures and paths:
        return "mixed"
    return "raster" if pictures else "vector"


def _crop(document: pymupdf.Document, placed: Placed, options: ExtractOptions) -> Crop | None:
    if placed.box is None or not options.crops:
        return None
    pictures: Sequence[Picture] = [picture for part in placed.parts for picture in part.pictures]
    paths = sum(part.paths for part in placed.parts)
    try:
        return crop(document.load_page(placed.page.number - 1), placed.box, pictures, paths, options)
    except MUPDF_ERRORS:
        return None  # an image that MuPDF refuses costs its own crop, not the article
