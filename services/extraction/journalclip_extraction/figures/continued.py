"""Figures that go on over several pages: "Figure 2 (continued)" is one figure with its first part.

The first part keeps page, box and crop; each later part keeps its own. What a later caption says again is left out,
what it adds is added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from journalclip_extraction.figures.layout import Placed

_AGAIN = 0.8  # share of a caption's words that the caption before has said already: a repetition


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A figure's first part, and those that continue it, in page order."""

    first: Placed
    rest: tuple[Placed, ...] = ()


def gather_parts(placed: Sequence[Placed]) -> list[Whole]:
    """Each figure once, where its first part stands; a continuation without a first part is a figure of its own."""
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
    """One caption of several: ``later`` ones only where they are not the first one again."""
    said = first
    for text in later:
        words = _words(text)
        if words and len(words & _words(said)) < _AGAIN * len(words):
            said = f"{said} {text}".strip()
    return said


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
