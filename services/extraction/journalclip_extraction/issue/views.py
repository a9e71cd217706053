"""What a page says about whether an article begins on it: heading, front matter, DOI, running lines, folio, references.

A `PageView` is read from one page and its neighbours' type size; it knows nothing about other articles. `evidence`
compares neighbouring views.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from journalclip_shared.ids import normalise_doi
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.labels import parse_label
from journalclip_sources.pdf.typography import family

_BAND = 0.1  # of the page's height at head and foot: running lines stand there
_TITLE_REACH = 0.62  # of the page's height: a title stands above it
_LARGER = 1.15  # times the body's size: a heading
_TITLE_WORDS = 3
_TITLE_CHARS = 320  # more is a notice in large type
_NEAR = 3  # pages whose type size counts as this page's own
_REFERENCE = re.compile(
    r"^\s*(?:\[\d{1,3}\]|\(?\d{1,3}[.)]\s)\s*[A-Z]|\b(?:19|20)\d\d[a-z]?\s*[;:,)]\s*\(?\d+|\b\d{1,4}\s*:\s*e?\d+[-–]\d+"
)
_REFERENCES_HEADING = re.compile(
    r"^\W*(?:\d+\.?\s*)?(?:references?(?: and notes)?|bibliography|literature(?: cited)?|literatur(?:verzeichnis)?|"
    r"bibliographie|referencias|refer[eê]ncias|bibliografia)\W*$",
    re.IGNORECASE,
)
# What stands on the first page of an article and seldom on another. Each kind counts once.
_FRONT = {
    "abstract": re.compile(
        r"^\W*(?:a\s?b\s?s\s?t\s?r\s?a\s?c\s?t|summary|zusammenfassung|r[eé]sum[eé]n?|resumo|abstrakt|riassunto|synopsis)\b",
        re.IGNORECASE,
    ),
    "keywords": re.compile(
        r"^\W*(?:key\s?-?\s?words?|schl[uü]sselw[oö]rter|mots[- ]cl[eé]s|palabras\s+clave|palavras-chave|index terms|"
        r"subject areas?|subject categor(?:y|ies))\b",
        re.IGNORECASE,
    ),
    "history": re.compile(
        r"\b(?:received|submitted|accepted|published(?: online)?|eingegangen|recibido|recebido|re[cç]u le)\b\W.{0,40}"
        r"\b(?:19|20)\d\d\b",
        re.IGNORECASE,
    ),
    "correspondence": re.compile(
        r"\b(?:correspondence|corresponding author|reprint requests|e-?mail|korrespondenz\w*|correspond[eê]ncia|"
        r"correspondencia)\b|\b[\w.+-]+@[\w-]+\.[a-z]{2,}",
        re.IGNORECASE,
    ),
    "affiliation": re.compile(
        r"\b(?:department|division|faculty|school|institut[eo]?|university|universit[aä]t|hospital|klinik|college|"
        r"universidade?|facultad)\b.{0,60}\b(?:of|f[uü]r|de|and|university|hospital|\d{4,})\b",
        re.IGNORECASE,
    ),
    "kicker": re.compile(
        r"^\W*(?:(?:original|research|review|case|brief|short|clinical|rapid|technical|invited|systematic)\s+"
        r"(?:research\s+)?(?:articles?|reports?|papers?|communications?|reviews?|notes?|study|contributions?|"
        r"investigations?)|letters? to the editor|editorial|commentary|correspondence|perspective|review|erratum|"
        r"corrigendum|correction|retraction(?: note)?|obituary|book review|originalarbeit|kasuistik|chapter\s+\w+|"
        r"kapitel\s+\w+|study protocol|methodology|database|software)\W*(?:open access)?\W*$",
        re.IGNORECASE,
    ),
    "copyright": re.compile(r"©|\(c\)\s*(?:19|20)\d\d|\bcopyright\b|creative\s*commons|open access", re.IGNORECASE),
    "citation": re.compile(r"^\W*(?:how to cite|cite (?:this|as)|citation:|to cite)", re.IGNORECASE),
}
_SECTION = re.compile(
    r"^\W*(?:[\dIVX]+(?:\.\d+)*[.)]?\s*)?(?:introduction|background|(?:materials?|patients?|subjects?)?\s*"
    r"(?:and|&)?\s*methods?|methodology|results?|discussion|conclusions?|"
    r"(?:results|methods) and (?:discussion|materials)|references?|abstract|acknowledge?ments?|"
    r"case (?:report|presentation)s?|author'?s?'? contributions?|author information|"
    r"(?:competing|conflicts? of) interests?|additional (?:information|files)|supplement\w* \w+|literature cited|"
    r"einleitung|methoden|ergebnisse|diskussion|introducci[oó]n|introdu[cç][aã]o|m[eé]todos|resultados|discusi[oó]n|"
    r"discuss[aã]o|materia(?:l|is|les) [ey] m[eé]todos)\W*$|"
    r"^\W*(?:additional (?:information|files)|supplement(?:ary|al) \w+|acknowledge?ments?)\b|"
    r"^\W*(?:case|patient|fall|caso|cas)\s*(?:no\.?|report|presentation)?\s*(?:\d+|[IVX]+)\b",
    re.IGNORECASE,
)
_NO_TITLE = re.compile(r"^\W*(?:www\.|https?:)|^\W*[\w-]+(?:\.[\w-]+)+/?\S*\W*$", re.IGNORECASE)
_MANY_DOIS = 2  # of one page: more are references
_DOI_LINE = re.compile(r"\bdoi\b|\b10\.\d{4,9}/", re.IGNORECASE)
_PAGE_OF = re.compile(r"\bpage\s+(\d{1,4})\s+of\s+(\d{1,4})\b|^\W*(\d{1,4})\s*/\s*(\d{1,4})\W*$", re.IGNORECASE)
_FOLIO = re.compile(r"^\W*[A-Z]?(\d{1,5})\b|\b[A-Z]?(\d{1,5})\W*$")
_CONTENTS = re.compile(
    r"^\W*(?:table of )?contents\W*$|^\W*(?:in this issue|inhalt(?:sverzeichnis)?|sommaire|sommario|[ií]ndice|"
    r"contenidos?|sum[aá]rio|innhold|inneh[aå]ll|spis tre[sś]ci)\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """The largest lines in a page's upper part."""

    text: str
    size: float
    font: str
    order: int  # of its first line
    y: float  # top of its first line, of the page's height


@dataclass(slots=True)
class PageView:
    """One page, as seen by who looks for first pages."""

    page: Page
    body_size: float
    heading: Heading | None
    front: frozenset[str]
    dois: tuple[str, ...]  # printed outside the references, upper case gone
    running: frozenset[str]  # head and foot lines, digits as #
    folios: frozenset[int]
    page_of: tuple[int, int] | None
    fonts: Counter[str] = field(default_factory=Counter)
    references: float = 0.0  # share of its text lines that read like references
    ends_in_references: bool = False
    contents: bool = False
    labelled: bool = False  # a line begins with a label of a figure or table
    chars: int = 0
    body_chars: int = 0

    @property
    def number(self) -> int:
        return self.page.number


def letters(text: str) -> str:
    """Letters and digits alone, lower case: what two printings of one title have in common."""
    return "".join(c for c in text.lower() if c.isalnum())


def said(page: Page) -> str:
    """All that a page says, and the sizes of its pictures: what identifies it, in whatever file it comes."""
    pictures = sorted(f"{picture.width}x{picture.height}" for picture in page.pictures)
    return " ".join([*(line.text for line in page.lines), *pictures])


def is_section(text: str) -> bool:
    """A section's heading, as every article has."""
    return _SECTION.match(text) is not None


def view_pages(pages: Sequence[Page]) -> list[PageView]:
    """One view a page."""
    sizes = [_sizes(page) for page in pages]
    views = []
    for at, page in enumerate(pages):
        near: Counter[float] = Counter()
        for each in sizes[at : at + _NEAR]:
            near.update(each)
        views.append(_view(page, max(near, key=lambda size: (near[size], size)) if near else 10.0))
    return views


def _sizes(page: Page) -> Counter[float]:
    sizes: Counter[float] = Counter()
    for line in page.lines:
        sizes[round(line.size * 2) / 2] += len(line.text)
    return sizes


def _view(page: Page, body_size: float) -> PageView:
    margins, inner = _bands(page)
    reference_lines = sum(1 for line in inner if _REFERENCE.search(line.text))
    at = max((i for i, line in enumerate(inner) if _REFERENCES_HEADING.match(line.text)), default=None)
    before = inner[:at] if at is not None else inner
    reading = margins + before
    dois = tuple(dict.fromkeys(
        doi for line in reading if _DOI_LINE.search(line.text) and not _REFERENCE.search(line.text)
        if (doi := normalise_doi(line.text))
    ))  # fmt: skip
    if len(dois) > _MANY_DOIS:
        dois = tuple(doi for line in margins if (doi := normalise_doi(line.text)))
    fonts: Counter[str] = Counter()
    for line in inner:
        fonts[family(line.font)] += len(line.text)
    return PageView(
        page=page,
        body_size=body_size,
        heading=_heading(page, body_size),
        front=frozenset(kind for kind, form in _FRONT.items() if any(form.search(line.text) for line in reading)),
        dois=dois,
        running=frozenset(_plain(line.text) for line in margins if len(line.text) > 3),
        folios=frozenset(_folios(margins)),
        page_of=_page_of(margins),
        fonts=fonts,
        references=reference_lines / max(len(inner), 1),
        ends_in_references=at is not None or reference_lines * 6 > len(inner) > 0,
        contents=any(_CONTENTS.match(line.text) for line in page.lines if line.size > body_size - 0.5),
        labelled=any(parse_label(line.text) for line in page.lines),
        chars=sum(len(line.text) for line in page.lines),
        body_chars=sum(len(line.text) for line in inner if abs(line.size - body_size) < 0.7),
    )


def _bands(page: Page) -> tuple[list[Line], list[Line]]:
    """Lines at head and foot, and the others."""
    top, bottom = page.box.y0 + page.box.height * _BAND, page.box.y1 - page.box.height * _BAND
    margins = [line for line in page.lines if line.box.y1 <= top or line.box.y0 >= bottom]
    known = {id(line) for line in margins}
    return margins, [line for line in page.lines if id(line) not in known]


def _plain(text: str) -> str:
    return re.sub(r"\d+", "#", text.lower())


def _folios(margins: Sequence[Line]) -> set[int]:
    found = set()
    for line in margins:
        for match in _FOLIO.finditer(line.text):
            found.add(int(match[1] or match[2]))
    return found


def _page_of(margins: Sequence[Line]) -> tuple[int, int] | None:
    for line in margins:
        if match := _PAGE_OF.search(line.text):
            number, of = int(match[1] or match[3]), int(match[2] or match[4])
            if 1 <= number <= of:
                return number, of
    return None


def _heading(page: Page, body_size: float) -> Heading | None:
    reach = page.box.y0 + _TITLE_REACH * page.box.height
    large = [
        line for line in page.lines
        if line.box.y0 < reach and not line.turn and line.size >= _LARGER * body_size and not parse_label(line.text)
    ]  # fmt: skip
    best: Heading | None = None
    for size, group in groupby(large, key=lambda line: round(line.size)):
        lines = list(group)
        text = " ".join(line.text for line in lines)
        worded = len(re.findall(r"[^\W\d_]{2,}", text)) >= _TITLE_WORDS or (
            len(letters(text)) >= 8 and not text.isascii()
        )
        worded = worded and not is_section(lines[0].text) and not _NO_TITLE.match(text)
        if worded and len(text) <= _TITLE_CHARS and (best is None or size > best.size + 0.5):
            y = (lines[0].box.y0 - page.box.y0) / max(page.box.height, 1.0)
            best = Heading(text, float(size), family(lines[0].font), lines[0].order, y)
    return best
