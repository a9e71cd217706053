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

_SHORT = 3  # letters: shorter words of names would tear holes into a report
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

    def add(self, dataset: Dataset) -> None:
        for element in dataset.iterall():
            keyword = element.keyword or ("private" if element.tag.is_private else "unknown")
            group = next((name for name, keywords in table().items() if keyword in keywords), None)
            if group is None:
                group = "private" if element.tag.is_private else "other"
                keyword = "private" if group == "private" else keyword
            self.counts[group, keyword] += 1
            if group in ("names", "ids", "places") or element.VR == "PN":
                self.secrets |= identifying(_values(element.value))

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
        whole = " ".join(re.split(r"[\^=\s]+", each)).strip()
        if len(whole) > _SHORT:
            found.add(whole)
        found |= {word for word in re.split(r"[\^=\s,.;]+", each) if len(word) >= _SHORT and not word.isdigit()}
        found |= set(re.findall(r"\d{4,}", each))
    return found


def _values(value: Any) -> list[str]:
    if value is None or isinstance(value, (bytes, Dataset)):
        return []
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [str(value)]
    if any(isinstance(each, Dataset) for each in value):
        return []
    return [str(each) for each in value] if not hasattr(value, "components") else [str(value)]
