"""A delivery's bytes -> `ReadDelivery`: what the sandbox's child runs.

A delivery is a PDF, an article's XML, or an archive of both with pictures. A PDF alone is read as it is; everything
else is a bundle: its files are grouped into articles, and each article becomes one thing out of all that speaks of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from PIL import Image

from journalclip_extraction import panels
from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.bundle.fuse import Pages, Raster, fuse
from journalclip_extraction.bundle.group import Group, Grouped, group
from journalclip_extraction.bundle.likeness import plain
from journalclip_extraction.extractor import read_pdf
from journalclip_extraction.notices import unpaired
from journalclip_extraction.quality.pictures import prepare
from journalclip_extraction.retractions import said_retracted
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import normalise_doi
from journalclip_sources.package.kinds import ARCHIVES, kind_of
from journalclip_sources.package.unpack import unpack
from journalclip_sources.pdf.document import MUPDF_ERRORS, open_pdf
from journalclip_sources.pdf.geometry import Rect
from journalclip_sources.sandbox.limits import allow_pages

# Before the sandbox forks: its child opens no file, and no child need do again what is the same for all.
prepare()
panels.prepare()
Image.init()

_TITLE = 30  # letters of a title that tell articles apart
_BUNDLE_PAGES = 60  # what unpacking, decoding of pictures and the largest XML may take, in pages


@dataclass
class _Read:
    """Pages of a bundle that were read: the articles in each PDF, with the letters that its pages print."""

    pdf: str
    pages: Pages
    taken: bool = False


def read_delivery(data: bytes, options: ExtractOptions) -> ReadDelivery:
    """Read everything that a delivery holds. Raises `PermanentError`."""
    found = _read(data, options)
    return replace(found, articles=unpaired(found.articles))


def _read(data: bytes, options: ExtractOptions) -> ReadDelivery:
    kind = kind_of(data)
    if kind in ARCHIVES:
        allow_pages(_BUNDLE_PAGES)
        return _read_bundle(unpack(data), options)
    if kind == "xml":
        allow_pages(_BUNDLE_PAGES)
        return _read_bundle({"article.xml": data}, options)
    return read_pdf(data, options)


def _read_bundle(files: Mapping[str, bytes], options: ExtractOptions) -> ReadDelivery:
    grouped = group(files)
    if not grouped.groups and not grouped.loose:
        raise PermanentError(
            "bundle-empty", "the delivery holds neither a PDF nor an article's XML", "Check what was delivered."
        )
    reads, unread = _read_pdfs(grouped, files, options)
    articles = []
    for each in grouped.groups:
        found = _pages_of(each, reads)
        if found is not None:
            found.taken = True
        fused = fuse(each, found.pages if found else None, files, options)
        articles.append(replace(fused, retracted=said_retracted(fused, files, alone=len(grouped.groups) == 1)))
    claimed = {name for each in grouped.groups for name in each.pdfs}
    translations = [each for each in reads if not each.taken and each.pdf in claimed]
    articles += [each.pages.article for each in reads if not each.taken and each.pdf not in claimed]
    if not articles:
        raise next(iter(unread.values()))
    left_over = [*grouped.left_over, *unread, *(each.pdf for each in translations)]
    pages = sum(each.pages.article.pages for each in reads)
    return ReadDelivery(tuple(articles), pages, "", tuple(sorted(dict.fromkeys(left_over))))


def _read_pdfs(
    grouped: Grouped, files: Mapping[str, bytes], options: ExtractOptions
) -> tuple[list[_Read], dict[str, PermanentError]]:
    """Every PDF that holds pages of an article; one that cannot be read costs its own pages only."""
    reads: list[_Read] = []
    unread: dict[str, PermanentError] = {}
    for name in [*(name for each in grouped.groups for name in each.pdfs), *grouped.loose]:
        try:
            delivery = read_pdf(files[name], options)
            texts, rasters = _printed(files[name])
        except PermanentError as error:
            unread[name] = error
            continue
        for article in delivery.articles:
            printed = plain("".join(texts[article.first_page - 1 : article.last_page]))
            reads.append(_Read(name, Pages(article, printed, tuple(rasters))))
    return reads, unread


def _printed(data: bytes) -> tuple[list[str], list[Raster]]:
    """What each page prints, and the images placed on all of them."""
    texts: list[str] = []
    rasters: list[Raster] = []
    with open_pdf(data) as document:
        for number in range(document.page_count):
            texts.append("")
            try:
                page = document.load_page(number)
                texts[-1] = str(page.get_text())
                placed = page.get_image_info()
            except MUPDF_ERRORS:
                continue
            for each in placed:
                box = Rect(*each["bbox"])
                if box.width > 1 and box.height > 1:
                    rasters.append(Raster(number + 1, box, each["width"] / box.width))
    return texts, rasters


def _pages_of(one: Group, reads: list[_Read]) -> _Read | None:
    """The pages of an article: of a PDF that is claimed by name and does not contradict, else by DOI, else by title."""
    free = [each for each in reads if not each.taken]
    own = [each for each in free if each.pdf in one.pdfs]
    if len(own) == 1 or (own and all(_agrees(one, each) is None for each in own)):
        if _agrees(one, own[0]) is not False:
            return own[0]
        own = []
    return next((each for each in [*own, *free] if _agrees(one, each)), None)


def _agrees(one: Group, read: _Read) -> bool | None:
    """True where DOI or title says that it is the same article, False where both say that it is not, else None."""
    title = plain(one.xml.title)[:_TITLE]
    printed = read.pages.printed
    if len(title) >= _TITLE and title in printed:
        return True
    doi = read.pages.article.facts.doi.value
    stated = normalise_doi(doi) if doi else None
    if one.xml.doi and stated:
        return True if stated == one.xml.doi else (False if len(title) >= _TITLE and len(printed) > 2000 else None)
    return None
