"""The basic confidentiality profile over headers: what was there, and what became of it, without a value.

Removal is by default: only `keep` survives, and only as `SeriesFacts`. So an attribute that the table forgets, a
private one or a new one of next year's standard is removed as well. Values that name someone or something are gathered
for the report's text, and forgotten with the child.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from pydantic import TypeAdapter
from pydicom import Dataset

from journalclip_sources.studies.deidentify.chinese import is_chinese, may_be_name, may_be_place, names_in

_SHORT = 3  # letters: shorter words of names would tear holes into a report
_TEXT_VRS = frozenset({"LO", "LT", "SH", "ST", "UT", "UC", "UN"})
_TEXT_GROUPS = frozenset({"texts", "private", "other", "unknown"})
_OWN_TEXT = frozenset({"TextValue", "CodeMeaning"})  # of a structured report: the report itself is no word about it
_CAPITALISED = re.compile(r"[\u4e00-\u9fff]{2,}|[^\W\d_a-z\u4e00-\u9fff][^\W\d_\u4e00-\u9fff]{2,}")
# Character sets that names are found in where the header declares none, or another one.
_CHARSETS = ("utf-8", "cp1252", "gb18030", "cp1250", "cp1251", "shift_jis", "euc_kr")
_TABLES = TypeAdapter(dict[str, dict[str, list[str]]])


@cache
def table() -> dict[str, frozenset[str]]:
    """Keywords by group: names, ids, places, dates, texts, uids, keep."""
    text = (resources.files(__package__) / "profile.toml").read_text(encoding="utf-8")
    groups = {name: part for name, part in tomllib.loads(text).items() if isinstance(part, dict)}
    return {name: frozenset(part["keywords"]) for name, part in _TABLES.validate_python(groups).items()}


@dataclass
class HeaderCensus:
    """Attributes by group and keyword, counted; ``secrets`` are the identifying words themselves."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    secrets: set[str] = field(default_factory=set, repr=False)
    persons: set[str] = field(default_factory=set, repr=False)  # of names, which are never common words by chance
    hearsay: set[str] = field(default_factory=set, repr=False)  # capitalised words of free text and of file names

    def add(self, dataset: Dataset) -> None:
        for element in dataset.iterall():
            keyword = element.keyword or ("private" if element.tag.is_private else "unknown")
            group = next((name for name, keywords in table().items() if keyword in keywords), None)
            if group is None:
                group = "private" if element.tag.is_private else "other"
                keyword = "private" if group == "private" else keyword
            self.counts[group, keyword] += 1
            values = [form for each in _values(element.value) for form in readings(each)]
            if group == "names" or element.VR == "PN":
                self.persons |= identifying(values)
            elif group in ("ids", "places"):
                self.secrets |= identifying(values)
            elif group in _TEXT_GROUPS and element.VR in _TEXT_VRS and keyword not in _OWN_TEXT:
                for each in values:
                    self.hearsay |= {word for word in _CAPITALISED.findall(each) if may_be_name(word)}
                    self.hearsay.update(names_in(each))

    def add_name(self, path: str) -> None:
        """Words of a file's or folder's name: archives are often named after their patients."""
        words = (word for word in re.split(r"[\W\d_]+", path) if len(word) >= (2 if is_chinese(word) else _SHORT))
        self.hearsay |= {word for word in words if may_be_name(word)}

    def add_words(self, values: Iterable[str]) -> None:
        """Values of a table's row or a sidecar, of which any may name somebody."""
        found = identifying(values)
        self.secrets |= {each for each in found if may_be_name(each) or may_be_place(each)}

    def removed(self) -> dict[str, int]:
        """How many elements of each group are gone."""
        totals: Counter[str] = Counter()
        for (group, _), count in self.counts.items():
            if group != "keep":
                totals[group] += count
        return dict(sorted(totals.items()))

    def keywords(self) -> tuple[str, ...]:
        """Names of the removed attributes that the profile lists."""
        return tuple(sorted({keyword for group, keyword in self.counts if group not in ("keep", "private", "other")}))


def identifying(values: Iterable[str]) -> set[str]:
    """Whole values, and the words of names, that must not stand in a text."""
    found: set[str] = set()
    for each in values:
        for form in each.split("="):
            whole = " ".join(re.split(r"[\^\s]+", form)).strip()
            if len(whole) > _SHORT:
                found.add(whole)
            if re.search(r"[\u3040-\u9fff\uac00-\ud7af]", form):
                found.add(re.sub(r"[\^\s]+", "", form))  # Chinese names are written without a space
            found |= {word for word in re.split(r"[\^\s,.;]+", form) if len(word) >= _SHORT and not word.isdigit()}
        found |= set(re.findall(r"\d{4,}", each))
    return {each for each in found if len(each) > 1}


def readings(text: str) -> set[str]:
    """The text, and what it is where its bytes were written in another character set than the header declares."""
    if text.isascii():
        return {text}
    found = {text}
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return found
    for charset in _CHARSETS:
        try:
            found.add(raw.decode(charset))
        except UnicodeDecodeError:
            continue
    return found


def _values(value: Any) -> list[str]:
    if value is None or isinstance(value, Dataset):
        return []
    if isinstance(value, bytes):
        text = value.strip(b"\0 ").decode("latin-1") if len(value) < 4096 else ""
        return [text] if text.isprintable() else []
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [str(value)]
    if any(isinstance(each, Dataset) for each in value):
        return []
    return [str(each) for each in value] if not hasattr(value, "components") else _person(value)


def _person(name: Any) -> list[str]:
    """A person's name as it was decoded, and as its bytes read in other character sets."""
    raw = getattr(name, "original_string", b"")
    return [str(name), raw.decode("latin-1")] if isinstance(raw, bytes) else [str(name)]
