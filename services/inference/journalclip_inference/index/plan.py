"""A query as an index answers it: weighted terms, each with the tokens that earn it, and what must not be there.

A row's words score is the sum over terms of ``weight`` times the best share that one of its leaves earns; divided by
the sum of weights it is the share of the query that the row says, 0 to 1. Weights are inverse document frequencies
over all parts, so the score of a row does not depend on the part it lies in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Field = Literal["caption", "figure", "record", "around"]


@dataclass(frozen=True)
class Leaf:
    """A token of one field, and the share of its term that it earns.

    "caption" is the part of it that speaks of one panel, "figure" the whole caption of a figure that was not cut into
    panels, "record" what structuring made of it, "around" the article's title, journal and mentions.
    """

    field: Field
    token: str
    share: float


@dataclass(frozen=True)
class Term:
    """One thing that was asked for.

    ``said``: the reader's words. ``parts``: where no leaf matches, the sum of these earns ``whole`` at most.
    """

    said: str
    weight: float
    leaves: tuple[Leaf, ...]
    parts: tuple[Term, ...] = ()
    whole: float = 0.9


@dataclass(frozen=True)
class Denied:
    """Something that must not be shown: rows that say it earn nothing, unless they deny it as well (another panel)."""

    tokens: tuple[str, ...]
    unless: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All that the words of a query ask of an index."""

    terms: tuple[Term, ...] = ()
    denied: tuple[Denied, ...] = ()
    without: tuple[str, ...] = ()  # tokens of words written with a minus: no row may have one
    phrases: tuple[tuple[str, ...], ...] = ()  # folded words that must stand one after the other
    known: tuple[tuple[str, ...], ...] = ()  # keys of exact look-ups, the most exact first; see `index.words`
    title: tuple[str, ...] = field(default=())  # folded words to find in titles

    @property
    def total(self) -> float:
        return sum(term.weight for term in self.terms)

    @property
    def empty(self) -> bool:
        return not (self.terms or self.phrases or self.known)
