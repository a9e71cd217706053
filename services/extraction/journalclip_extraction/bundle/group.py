"""Files of a delivery -> articles: each XML with the PDFs and pictures that are its own.

Who names whom decides first (addresses in the XML, a manifest), then shared base names, then the DOI or title that a
PDF prints. What belongs to nobody is listed, not lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from journalclip_extraction.bundle.resolve import Names
from journalclip_shared.errors import PermanentError
from journalclip_sources.jats.article import XmlArticle
from journalclip_sources.jats.read import read_xml
from journalclip_sources.package.kinds import IMAGES, kind_of
from journalclip_sources.package.names import stem, suffix

_GRAMMARS = frozenset({"dtd", "ent", "mod", "rng", "rnc", "xsd", "xsl", "xslt"})  # read by nobody here
_PASSED_OVER = frozenset(
    {"xml-invalid", "xml-schema-unsupported"}
)  # of a file beside an article; hostile ones refuse all


@dataclass
class Group:
    """One article's files: its XML, names of PDFs that are its pages, and pictures of its figures by address."""

    xml: XmlArticle
    name: str  # of the XML file
    pdfs: list[str] = field(default_factory=list)
    pictures: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Grouped:
    """``loose`` are PDFs that no XML claims; ``left_over`` are files that nobody reads."""

    groups: list[Group]
    loose: list[str]
    left_over: list[str]


def group(files: Mapping[str, bytes]) -> Grouped:
    """Raises `PermanentError` of the XML where it is hostile, or where nothing else is there to read."""
    names = Names(files)
    groups, others = _groups(files)
    used = {each.name for each in groups}
    for each in groups:
        for figure in each.xml.figures:
            for address in figure.graphics:
                each.pictures[address] = tuple(names.find(address))
        used.update(name for found in each.pictures.values() for name in found)
        used.update(
            name for address in each.xml.files for name in names.find(address) if not _is_pages(files[name], name, each)
        )
    pdfs = [name for name, data in files.items() if kind_of(data) == "pdf" and name not in used]
    loose = [name for name in pdfs if not _claim(name, groups)]
    if len(groups) == 1 and len(loose) == 1 and not groups[0].pdfs:
        groups[0].pdfs.append(loose.pop())
    used.update(pdfs)
    return Grouped(groups, loose, sorted(set(files) - used - others))


def _groups(files: Mapping[str, bytes]) -> tuple[list[Group], set[str]]:
    """Articles' XML, one for each DOI; and names of manifests and the like, which are read elsewhere."""
    found: dict[str, Group] = {}
    others: set[str] = set()
    refused: list[PermanentError] = []
    for name, data in files.items():
        if kind_of(data) != "xml" or suffix(name) in _GRAMMARS:
            continue
        try:
            articles = read_xml(data)
        except PermanentError as error:
            if error.code not in _PASSED_OVER:
                raise
            refused.append(error)
            others.add(name)
            continue
        for article in articles:
            key = article.doi or article.pmcid or f"{name} {len(found)}"
            if key not in found or len(article.figures) > len(found[key].xml.figures):
                found[key] = Group(article, name)
    readable = found or any(kind_of(data) == "pdf" for data in files.values())
    if not readable and refused:
        raise refused[0]
    return list(found.values()), others


def _is_pages(data: bytes, name: str, own: Group) -> bool:
    """``self-uri`` names the article's own PDF, which is no picture."""
    return kind_of(data) == "pdf" and stem(name) == stem(own.name)


def _claim(name: str, groups: Iterable[Group]) -> bool:
    """By base name: ``article.pdf`` is of ``article.xml``, ``article-en.pdf`` too where nothing is nearer."""
    best = max(groups, key=lambda each: _likeness(name, each.name), default=None)
    if best is None or not _likeness(name, best.name):
        return False
    best.pdfs.append(name)
    return True


def _likeness(pdf: str, xml: str) -> int:
    one, other = stem(pdf), stem(xml)
    return len(other) if one == other or one.startswith((f"{other}-", f"{other}_", f"{other}.")) else 0


def pictures_of(files: Mapping[str, bytes], names: Iterable[str]) -> list[tuple[str, bytes]]:
    """The named files that are pictures, or a page of one."""
    return [(name, files[name]) for name in names if kind_of(files[name]) in IMAGES | {"pdf"}]
