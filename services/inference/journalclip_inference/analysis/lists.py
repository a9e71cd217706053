"""The lists of words that the analysis goes by, from ``data/words.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
Phrases = Mapping[str, list[tuple[str, ...]]]


def words(table: str, name: str) -> tuple[str, ...]:
    """A list in its order."""
    return tuple(str(_lists()[table][name]).split())


def mapping(table: str, name: str) -> dict[str, str]:
    """A list of ``from>to``."""
    return dict(pair.split(">") for pair in words(table, name))


def phrases(table: str, name: str) -> Phrases:
    """Phrases by their first word, the longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in _lists()[table][name]:
        split = tuple(phrase.split())
        found.setdefault(split[0], []).append(split)
    for same in found.values():
        same.sort(key=len, reverse=True)
    return found


@lru_cache(maxsize=1)
def _lists() -> dict[str, dict[str, str | list[str]]]:
    return tomllib.loads((DATA / "words.toml").read_text(encoding="utf-8"))
