"""How alike two wordings are: letters and digits alone, since spacing, ligatures and raised digits differ by medium."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher


def plain(text: str) -> str:
    """NFKD letters and digits, lower case."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())


def likeness(first: str, second: str) -> float:
    """0 to 1; 1 for the same letters and digits."""
    one, other = plain(first), plain(second)
    if one == other:
        return 1.0
    if not one or not other or min(len(one), len(other)) * 3 < max(len(one), len(other)):
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def best_likeness(text: str, wordings: Iterable[str]) -> float:
    """To the nearest of several wordings."""
    return max((likeness(text, each) for each in wordings), default=0.0)
