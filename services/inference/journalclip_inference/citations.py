"""A selection of hits as files: RIS, BibTeX and CSL-JSON for reference managers, a table, and the pictures.

One entry an article, with the figures that were selected of it as a note; the table has one row a pair. What an article
does not say is left out, never invented.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from journalclip_inference.errors import QueryInvalid
from journalclip_inference.index.rows import Row
from journalclip_shared.artifacts import ArtifactRef

Format = Literal["ris", "bibtex", "csl", "csv", "pictures"]
MEDIA: dict[Format, tuple[str, str]] = {
    "ris": ("application/x-research-info-systems", "ris"),
    "bibtex": ("application/x-bibtex", "bib"),
    "csl": ("application/vnd.citationstyles.csl+json", "json"),
    "csv": ("text/csv", "csv"),
    "pictures": ("application/zip", "zip"),
}
_COLUMNS = (
    "pair_id", "figure_id", "article_id", "label", "letter", "caption", "page", "modality", "title", "authors",
    "journal", "year", "doi", "licence",
)  # fmt: skip
_MOST_PICTURES = 100  # of one zip: all of it is held in memory
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


@dataclass(frozen=True)
class Cited:
    """An article with the figures that were selected of it."""

    key: str
    title: str
    authors: tuple[str, ...]
    journal: str
    year: str
    doi: str
    note: str


def cited(rows: Sequence[Row]) -> list[Cited]:
    """Articles in the order of their first pair."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.pair.article_id, []).append(row)
    articles: list[Cited] = []
    taken: set[str] = set()
    for of_article in found.values():
        first = of_article[0]
        key = _free(_key(first), taken)
        taken.add(key)
        labels = dict.fromkeys(_figure(row) for row in of_article)
        note = "; ".join(labels)
        articles.append(
            Cited(key, first.title or first.name, first.authors, first.journal or "", first.year or "", first.doi or "",
                  note)
        )  # fmt: skip
    return articles


def free(row: Row) -> bool:
    """Whether the licence lets the picture be handed on: Creative Commons, whichever."""
    return row.pair.licence.startswith("CC")


def pictures(rows: Sequence[Row], get: Callable[[ArtifactRef], bytes]) -> bytes:
    """A zip of the pictures that may be handed on, with a table of what they are. Raises `QueryInvalid`."""
    kept = [row for row in rows if free(row)]
    if len(kept) > _MOST_PICTURES:
        raise QueryInvalid(f"{len(kept)} pictures; {_MOST_PICTURES} go into one file", "Choose fewer.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:  # pictures are compressed already
        for row in kept:
            suffix = row.pair.image.media_type.rpartition("/")[2].replace("jpeg", "jpg")
            file.writestr(zipfile.ZipInfo(f"{row.pair.pair_id}.{suffix}"), get(row.pair.image))
        file.writestr(zipfile.ZipInfo("pictures.csv"), _csv(kept))
    return buffer.getvalue()


def exported(rows: Sequence[Row], kind: Format) -> str:
    """The whole file, of words."""
    if kind == "csv":
        return _csv(rows)
    articles = cited(rows)
    if kind == "csl":
        return json.dumps([_csl(each) for each in articles], ensure_ascii=False, indent=1) + "\n"
    return "\n".join((_ris if kind == "ris" else _bibtex)(each) for each in articles) + "\n"


def _ris(article: Cited) -> str:
    tags = [("TY", "JOUR"), ("TI", article.title), *(("AU", name) for name in article.authors)]
    tags += [("JO", article.journal), ("PY", article.year), ("DO", article.doi), ("N1", article.note), ("ER", "")]
    return "\n".join(f"{tag}  - {_line(value)}" for tag, value in tags if value or tag == "ER")


def _bibtex(article: Cited) -> str:
    fields = {
        "title": article.title, "author": " and ".join(article.authors), "journal": article.journal,
        "year": article.year, "doi": article.doi, "note": article.note,
    }  # fmt: skip
    body = ",\n".join(f"  {name} = {{{_braced(value)}}}" for name, value in fields.items() if value)
    return f"@article{{{article.key},\n{body}\n}}"


def _csl(article: Cited) -> dict[str, object]:
    found: dict[str, object] = {"id": article.key, "type": "article-journal", "title": article.title}
    found |= {"author": [{"literal": name} for name in article.authors]} if article.authors else {}
    found |= {"container-title": article.journal} if article.journal else {}
    found |= {"issued": {"date-parts": [[int(article.year)]]}} if article.year.isdecimal() else {}
    found |= {"DOI": article.doi} if article.doi else {}
    return {**found, "note": article.note}


def _csv(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    table = csv.DictWriter(out, _COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for row in rows:
        pair = row.pair
        values = {
            "pair_id": pair.pair_id, "figure_id": pair.figure_id, "article_id": pair.article_id, "label": pair.label,
            "letter": pair.letter, "caption": pair.text, "page": pair.page, "modality": pair.modality,
            "title": row.title, "authors": "; ".join(row.authors), "journal": row.journal, "year": row.year,
            "doi": row.doi, "licence": pair.licence,
        }  # fmt: skip
        table.writerow({name: _cell("" if value is None else str(value)) for name, value in values.items()})
    return out.getvalue()


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _figure(row: Row) -> str:
    letter = f" {row.pair.letter}" if row.pair.letter else ""
    return f"{row.pair.label.rstrip('. :')}{letter}, page {row.pair.page}"


def _key(row: Row) -> str:
    name = row.authors[0].split()[-1] if row.authors else "article"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"{re.sub(r'[^A-Za-z]', '', plain).lower() or 'article'}{row.year or ''}"


def _free(key: str, taken: set[str]) -> str:
    """With a letter behind it where another article has the key."""
    number = 0
    free = key
    while free in taken:
        number += 1
        free = f"{key}{chr(ord('a') + number - 1)}" if number <= 26 else f"{key}-{number}"
    return free


def _line(value: str) -> str:
    return " ".join(value.split())


def _braced(value: str) -> str:
    """Braces in pairs, or none: an open one would swallow the rest of the file. Other signs of TeX are escaped."""
    plain = _line(value).replace("\\", " ").replace("{", "(").replace("}", ")")
    return re.sub(r"([&%$#_])", r"\\\1", plain)
