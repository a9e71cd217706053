"""Figures over several pages: "Figure 2 (continued)" belongs to the same figure as its first part.

Each part keeps its own page, box and crop. A later caption that repeats the text before it is left out; one that adds
words is appended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from journalclip_extraction.figures.layout import Placed

_AGAIN = 0.8  # share of a caption's words; if more of them are in the text before, it is a repetition


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A figure: its first part and the parts that continue it, in page order."""

    first: Placed
    rest: tuple[Placed, ...] = ()


def gather_parts(placed: Sequence[Placed]) -> list[Whole]:
    """Each figure once, in the order of first parts. A continuation without a first part is a figure of its own."""
    firsts: dict[str, Placed] = {}
    rest: dict[int, list[Placed]] = {}
    starts: list[Placed] = []
    for part in placed:
        candidate = part.caption.candidate
        first = firsts.get(candidate.key)
        if candidate.label.continued and first is not None:
            rest.setdefault(id(first), []).append(part)
        else:
            firsts.setdefault(candidate.key, part)
            starts.append(part)
    return [Whole(first, tuple(rest.get(id(first), ()))) for first in starts]


def joined_wording(first: str, later: Sequence[str]) -> str:
    """One caption from several; a ``later`` caption is appended unless it repeats the text before it."""
    said = first
    for text in later:
        words = _words(text)
        if words and len(words & _words(said)) < _AGAIN * len(words):
            said = f"{said} {text}".strip()
    return said


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
