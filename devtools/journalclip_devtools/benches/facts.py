"""What an article says of itself, against a table of what is printed: title, DOI and authors right, none or wrong.

The table has a line a file: ``file``, ``doi`` (empty where none is printed), ``authors`` parted by ``; ``. Titles are
gold.json's, which cuts long ones. Compared are letters and digits of the NFKD form; authors also in number and order.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TypedDict

from journalclip_devtools.benches.extraction import normalise
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.extractor import read_article
from journalclip_shared.errors import PermanentError

_CUT = 120  # letters of a title that must agree where gold.json may have cut it


class Counts(TypedDict):
    """``files``: where it is wrong."""

    right: int
    none: int
    wrong: int
    files: list[str]


def score(folder: Path, table: Path) -> dict[str, Counts]:
    """Fact -> how often it is what, over the files of ``table``. Raises `PermanentError` ``gold-missing``."""
    try:
        titles = {name: gold["title"] for name, gold in json.loads((folder / "gold.json").read_bytes()).items()}
        rows = list(csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t"))
    except FileNotFoundError as error:
        raise PermanentError("gold-missing", str(error), "Name a folder with gold.json, and a table.") from error
    found: dict[str, Counts] = {
        fact: Counts(right=0, none=0, wrong=0, files=[]) for fact in ("title", "doi", "authors")
    }
    for row in rows:
        name = row["file"]
        facts = read_article((folder / name).read_bytes(), ExtractOptions(crops=False, panels=False)).facts
        title, wanted = normalise(facts.title.value or ""), normalise(titles[name])
        _count(found["title"], name, title, title == wanted or title[:_CUT] == wanted[:_CUT] != wanted)
        _count(found["doi"], name, facts.doi.value, (facts.doi.value or "").lower() == row["doi"].lower())
        authors = [normalise(author) for author in facts.authors]
        _count(found["authors"], name, authors, authors == [normalise(each) for each in row["authors"].split("; ")])
    return found


def _count(counts: Counts, name: str, said: object, right: bool) -> None:
    if not said:
        counts["none"] += 1
    elif right:
        counts["right"] += 1
    else:
        counts["wrong"] += 1
        counts["files"].append(name)
