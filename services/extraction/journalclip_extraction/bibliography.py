"""What an article says of itself: title, DOI, journal, year and licence, each with where it was read.

The printed page comes first, embedded metadata second: producers fill metadata from templates ("untitled.dvi",
a wrong DOI), but nobody prints a wrong title. A fact that is not found stays None; nothing is guessed from a file name.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from journalclip_extraction.authors import find_authors
from journalclip_extraction.captions.wording import join_lines
from journalclip_extraction.identifiers import find_doi, own_doi
from journalclip_extraction.licences import address_of, is_statement, normalise, version_of
from journalclip_shared.records.article import ArticleFacts, Sourced
from journalclip_shared.text import clean
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.typography import Typography

_COPYRIGHT_YEAR = re.compile(
    r"(?:©|\(c\)|copyright)\s*(?:the\s+authors?(?:\(s\)|s)?\.?)?[^.]{0,60}?\b((?:19|20)\d\d)\b", re.IGNORECASE
)
_PUBLISHED_YEAR = re.compile(
    r"published(?:\s+online)?(?:\s+on)?\s*:?\s*(?:\d{1,2}(?:st|nd|rd|th)?[\s./-]+)?(?:(?-i:[A-Z])[a-z]+\.?,?\s+|\d{1,2}[./-])?"
    r"(?:\d{1,2},?\s+)?((?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_XMP_JOURNAL = re.compile(r"<prism:publicationName[^>]*>(?:\s*<[^>]+>)*\s*([^<]+)", re.IGNORECASE)
_XMP_DOI = re.compile(r"<(?:prism|pdfx|crossmark):doi[^>]*>\s*(?:doi:)?([^<]+)", re.IGNORECASE)
_XMP_YEAR = re.compile(
    r"<prism:(?:coverDate|publicationDate|coverDisplayDate)[^>]*>[^<]*?((?:19|20)\d\d)", re.IGNORECASE
)
_XMP_CREATOR = re.compile(r"<dc:creator>(.*?)</dc:creator>", re.IGNORECASE | re.DOTALL)
_NO_TITLE = re.compile(
    r"\.(?:dvi|indd|docx?|pdf|qxd|tex|ps|rtf|xps)\b|^untitled|^microsoft|^\W*$|^[\w.\-]+$", re.IGNORECASE
)
# "Trials (2015) 16:31", "Metabolites 2014, 4, 932", "Scientific Reports | 6:19235", "Neurosurgery, Volume 80"
_RUNNING = re.compile(
    r"(?:\bet al\.?,?\s+|^|[|•]\s*)(?P<name>[A-Z][A-Za-z&:.,\-’' ]{3,80}?)[,.]?\s*"
    r"(?:\((?:19|20)\d\d\)|(?:19|20)\d\d\s*[,;:]|\|\s*\(?\d|\bVol(?:ume|\.)?\s?\d)"
)
_AUTHORS = re.compile(r"^.*\bet al\.?,?\s+")
_NO_JOURNAL = re.compile(
    r"^(?:vol(?:ume)?|issue|page|received|accepted|published|january|february|march|april|may|june|july|august|"
    r"september|october|november|december|copyright|doi|article|open access|research|submitted)\b",
    re.IGNORECASE,
)
_PUBLISHER = re.compile(r"\b(?:publishing|publishers?|press|group|ltd|gmbh|inc|corporation|verlag)\b", re.IGNORECASE)
_SUBJECT = re.compile(r"^([A-Z][^,;.:]{2,90}),\s*(?:(?:19|20)\d\d\b|https?:|doi)")
_KICKER = re.compile(
    r"^(?:(?:original|clinical|review|research|case|brief|short)\s+)+"
    r"(?:articles?|reports?|study|papers?|series|note)(?:\s+(?=[A-Z])|\s*:\s*)",
    re.IGNORECASE,
)
_HEAD = re.compile(r"(?:The )?[A-Z][A-Za-z&]+(?: (?:of|in|and|for|the|&|[A-Z][A-Za-z]+)){1,7}")
_VOLUME_LINE = re.compile(r"^Vol(?:ume|\.)?\s?\d", re.IGNORECASE)
# "2016, 4, 9;", "2024; 7: 101-9", "Vol. 12, pp. 3-9", "Volume 80 | Number 3", "(2015) 16:31"
_PLACE = re.compile(
    r"(?:\(?(?:19|20)\d\d\)?[,;]?\s*(?:\w{3}\s)?(?P<volume>\d{1,4})\s?(?:\(\s?[\w\s-]{1,9}\))?\s?[:,]\s?"
    r"(?:Article\s(?:ID\s)?|pp?\.?\s?)?(?P<pages>[eES]?\d{1,9}(?:\s?[-–]\s?[eES]?\d{1,9})?))|"
    r"\bVol(?:ume|\.)?\s?(?P<other>\d{1,4})\b(?:.{0,30}?\bpp?\.\s?(?P<range>\d{1,6}\s?[-–]\s?\d{1,6}))?",
    re.IGNORECASE,
)
_RUNNING_CHARS = 140  # a longer line is text
_TITLE_REACH = 0.62  # of the first page's height: below it stands the abstract
_TITLE_CHARS = 320  # no title is longer; a notice in large type is
_STATEMENT_CHARS = 700  # of a licence statement: more is its neighbour
_NEAR_FRONT, _NEAR_END = 2, 3  # pages on which an article's licence is printed


def read_facts(pages: Sequence[Page], habits: Typography, metadata: Mapping[str, str], xmp: str) -> ArticleFacts:
    """All facts. ``metadata`` is the PDF's information dictionary, ``xmp`` its XML metadata as text."""
    statement = _licence_statement(pages)  # a cover sheet may state it
    own = _without_cover(pages, habits)
    journal = _journal(own, habits, metadata, xmp)
    title = _title(own, habits, metadata, journal.value or "")
    declared = f"{metadata.get('author') or ''} {' '.join(_XMP_CREATOR.findall(xmp))}"
    authors = find_authors(own[0], title.value or "", declared) if own else ()
    licence = normalise(statement.value) if statement.value else "unknown"
    version = version_of(statement.value or "")
    place = _place(own, habits)
    return ArticleFacts(
        title=title,
        doi=_doi(own, habits, metadata, xmp),
        journal=journal,
        year=_year(pages, metadata, xmp),
        volume=place[0],
        page_range=place[1],
        licence_statement=statement,
        licence=licence,
        licence_version=version if licence.startswith("CC") else None,
        licence_url=address_of(licence, version),
        authors=authors,
        authors_where=f"page {own[0].number}, below the title" if authors else None,
    )


def _without_cover(pages: Sequence[Page], habits: Typography) -> Sequence[Page]:
    """Without a repository's cover sheet: a first page whose largest type is a notice, before the article's own."""
    notice = bool(pages) and len(_printed_title(pages[0], habits, "")) > _TITLE_CHARS
    return pages[1:] if notice and len(pages) > 1 else pages


def _title(pages: Sequence[Page], habits: Typography, metadata: Mapping[str, str], journal: str) -> Sourced:
    declared = clean(html.unescape(metadata.get("title") or ""))
    if _NO_TITLE.search(declared):
        declared = ""
    if declared and pages and _letters(declared) in _letters("".join(line.text for line in pages[0].lines)):
        return Sourced(value=declared, where=f"page {pages[0].number}, as in metadata")
    if pages and (printed := _printed_title(pages[0], habits, journal)):
        return Sourced(value=printed, where=f"page {pages[0].number}, largest type")
    if declared:
        return Sourced(value=declared, where="metadata, title")
    return Sourced()


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _printed_title(page: Page, habits: Typography, journal: str) -> str:
    """The run of lines in the largest type of the page's upper part that reads like a sentence."""
    upper = [
        line
        for line in page.lines
        if line.box.y0 < _TITLE_REACH * page.box.y1 and not line.turn and line.size > habits.body_size + 1.5
    ]
    best: tuple[float, str] = (0.0, "")
    for size, group in groupby(upper, key=lambda line: round(line.size)):
        text = _KICKER.sub("", join_lines([line.text for line in group]))
        if _letters(text).replace("and", "") == _letters(journal).replace("and", ""):
            continue
        if len(text.split()) >= 4 and len(text) >= 20 and size > best[0]:
            best = (size, text)
    return best[1]


def _doi(pages: Sequence[Page], habits: Typography, metadata: Mapping[str, str], xmp: str) -> Sourced:
    if pages and (found := own_doi(pages[0].lines)):
        return Sourced(value=found, where=f"page {pages[0].number}")
    if (match := _XMP_DOI.search(xmp)) and (found := find_doi(match[1])):
        return Sourced(value=found, where="metadata, XMP")
    for field in ("subject", "title", "keywords"):
        if found := find_doi(metadata.get(field) or ""):
            return Sourced(value=found, where=f"metadata, {field}")
    for page, line in _furniture(pages, habits):
        if found := find_doi(line.text):
            return Sourced(value=found, where=f"page {page.number}, running line")
    return Sourced()


def _furniture(pages: Sequence[Page], habits: Typography) -> Iterator[tuple[Page, Line]]:
    for page in pages:
        yield from ((page, line) for line in page.lines if habits.is_furniture(line))


def _journal(pages: Sequence[Page], habits: Typography, metadata: Mapping[str, str], xmp: str) -> Sourced:
    if (match := _XMP_JOURNAL.search(xmp)) and not _PUBLISHER.search(match[1]):
        return Sourced(value=clean(html.unescape(match[1])), where="metadata, XMP")
    subject = clean(metadata.get("subject") or "")
    if match := _SUBJECT.match(subject):
        return Sourced(value=match[1], where="metadata, subject")
    names: Counter[str] = Counter()
    where: dict[str, str] = {}
    for page, line in _furniture(pages, habits):
        if name := _running_name(line.text):
            names[name] += 1
            where.setdefault(name, f"page {page.number}, running line")
    if names:
        name = names.most_common(1)[0][0]
        return Sourced(value=name, where=where[name])
    front = _journal_of_front(pages[0]) if pages else Sourced()
    return front if front.value else _journal_of_heads(pages, habits)


def _journal_of_heads(pages: Sequence[Page], habits: Typography) -> Sourced:
    """A few capitalised words at the head or foot of most pages, that are neither the authors nor the title."""
    heads = Counter(line.text for _, line in _furniture(pages, habits) if _HEAD.fullmatch(line.text))
    for text, count in heads.most_common():
        if count * 2 > len(pages) and " et al" not in text:
            return Sourced(value=text, where="running line of most pages")
    return Sourced()


def _journal_of_front(page: Page) -> Sourced:
    """The first page's line above or before "Volume 12": the journal's own heading."""
    where = f"page {page.number}"
    for above, line in pairwise(page.lines):
        if _VOLUME_LINE.match(line.text) and above.block == line.block:
            return Sourced(value=above.text, where=where)
        if len(line.text) < _RUNNING_CHARS and (name := _running_name(line.text)):
            return Sourced(value=name, where=where)
    return Sourced()


def _running_name(text: str) -> str | None:
    match = _RUNNING.search(text)
    if match is None:
        return None
    name = _AUTHORS.sub("", match["name"]).strip(" ,.|")
    return name if len(name) > 3 and not _NO_JOURNAL.search(name) else None


def _place(pages: Sequence[Page], habits: Typography) -> tuple[Sourced, Sourced]:
    """Volume and pages, or the article's number, as running lines or the first page's short lines print them."""
    lines = [(page, line) for page, line in _furniture(pages, habits)]
    lines += [(pages[0], line) for line in pages[0].lines if len(line.text) < _RUNNING_CHARS] if pages else []
    for page, line in lines:
        if match := _PLACE.search(line.text):
            where = f"page {page.number}, running line" if habits.is_furniture(line) else f"page {page.number}"
            printed = match["pages"] or match["range"]
            extent = Sourced(value=re.sub(r"\s", "", printed), where=where) if printed else Sourced()
            return Sourced(value=match["volume"] or match["other"], where=where), extent
    return Sourced(), Sourced()


def _year(pages: Sequence[Page], metadata: Mapping[str, str], xmp: str) -> Sourced:
    for pattern in (_PUBLISHED_YEAR, _COPYRIGHT_YEAR):
        for page in _edges(pages):
            for text in _blocks(page):
                if match := pattern.search(text):
                    return Sourced(value=match[1], where=f"page {page.number}")
    if match := _XMP_YEAR.search(xmp):
        return Sourced(value=match[1], where="metadata, XMP")
    for field in ("subject", "creationDate"):
        if match := re.search(r"(?:D:)?((?:19|20)\d\d)", metadata.get(field) or ""):
            return Sourced(value=match[1], where=f"metadata, {field}")
    return Sourced()


def _edges(pages: Sequence[Page]) -> list[Page]:
    """The first pages and the last, where articles speak of themselves; each once, front first."""
    front = list(pages[:_NEAR_FRONT])
    return front + [page for page in pages[-_NEAR_END:] if page not in front]


def _blocks(page: Page) -> Iterator[str]:
    for _, lines in groupby(page.lines, key=lambda line: line.block):
        yield join_lines([line.text for line in lines])


def _licence_statement(pages: Sequence[Page]) -> Sourced:
    """The first passage that grants a licence; one that only reserves or names none counts where nothing grants."""
    fallback = Sourced()
    for page in _edges(pages):
        for text in _passages(page):
            if not is_statement(text):
                continue
            found = Sourced(value=_excerpt(text), where=f"page {page.number}")
            if normalise(found.value or "") not in ("unknown", "all rights reserved"):
                return found
            fallback = fallback if fallback.value else found
    return fallback


def _passages(page: Page) -> Iterator[str]:
    """Blocks, and pairs of neighbouring blocks, since a statement's address often stands in a block of its own."""
    blocks = list(_blocks(page))
    yield from blocks
    yield from (f"{a} {b}" for a, b in pairwise(blocks) if is_statement(a) or is_statement(b))


def _excerpt(text: str) -> str:
    """The part of a long block that speaks of the licence."""
    if len(text) <= _STATEMENT_CHARS:
        return text
    match = re.search(r"creative\s*commons|licen[sc]e|all rights|open[\s-]access article", text, re.IGNORECASE)
    start = max(0, (match.start() if match else 0) - 200)
    return text[start : start + _STATEMENT_CHARS]
