"""The two legs of a search over all parts of a collection: rows by their words, and rows by their looks.

Positions run through all parts. The scores of a row depend neither on the part that it lies in nor on the order of
parts. `Searched` and `SearchedPart` are what a collection of any kind of source must offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from journalclip_inference.index.facets import Choices
from journalclip_inference.index.plan import Plan
from journalclip_inference.index.vectors import Mask, Vectors
from journalclip_inference.index.words import Rows, Words

_SAMPLED = 4_096  # rows whose cosines show where the least lie: the 0 of the scale moves by little with more


@dataclass(frozen=True)
class Found:
    """A row that a vector found: its cosine and its position."""

    score: float
    position: int


class SearchedPart(Protocol):
    """Rows with their words and vectors, in one order."""

    @property
    def words(self) -> Words: ...

    @property
    def shown(self) -> Mask | None:
        """False for rows that a search must not find; None: all may be found."""
        ...

    @property
    def hidden(self) -> int: ...

    def vectors(self, by_caption: bool) -> Vectors:
        """float32 [rows, D], unit length: of what a row looks like, or of what it says."""
        ...


class Searched(Protocol):
    """Parts of one kind, model and dataset."""

    def __len__(self) -> int: ...

    @property
    def placed(self) -> Sequence[tuple[int, SearchedPart]]:
        """Each part with the position of its first row."""
        ...

    def split(self, positions: Sequence[int]) -> Sequence[tuple[int, SearchedPart, list[int]]]:
        """Parts that hold some of the positions: the first row's position, the part, its own row numbers."""
        ...

    def search(self, query: Vectors, k: int, filters: Choices, by_caption: bool = False) -> list[Found]: ...


class Legs:
    """Both legs of one collection under one set of filters."""

    def __init__(self, collection: Searched, filters: Choices, by_caption: bool = False) -> None:
        self._collection = collection
        self._filters = filters
        self._by_caption = by_caption

    # --- words ------------------------------------------------------------------------------------------------------

    def said(self, plan: Plan, limit: int) -> dict[int, float]:
        """Shares of the query by position: the ``limit`` best."""
        found: dict[int, float] = {}
        for start, part in self._collection.placed:
            scores, rows = part.words.top(plan, limit + part.hidden, self._filters)
            found |= _shown(part, start, zip(rows.tolist(), scores.tolist(), strict=True))
        best = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:limit]
        total = plan.total
        return {position: score / total for position, score in best}

    def shares(self, plan: Plan, positions: Sequence[int]) -> dict[int, float]:
        """Shares of given positions; 0 where nothing matches."""
        found = dict.fromkeys(positions, 0.0)
        total = plan.total
        for start, part, rows in self._collection.split(positions):
            scores = part.words.scores(plan, rows)
            found |= {start + row: score / total for row, score in scores.items()}
        return found

    def known(self, keys: Sequence[str]) -> list[int]:
        return self._rows(lambda words: words.known(keys, self._filters))

    def phrase(self, phrase: Sequence[str]) -> list[int]:
        return self._rows(lambda words: words.phrase(phrase, self._filters))

    def titled(self, words: Sequence[str]) -> dict[int, float]:
        """Positions whose article's title has words of the query, with the share of them."""
        found: dict[int, float] = {}
        for start, part in self._collection.placed:
            scores, rows = part.words.titles(words, self._filters)
            found |= _shown(part, start, zip(rows.tolist(), scores.tolist(), strict=True))
        return found

    def excluded(self, tokens: Sequence[str], positions: Sequence[int]) -> set[int]:
        parts = self._collection.split(positions) if tokens else ()
        return {start + row for start, part, rows in parts for row in part.words.excluded(tokens, rows)}

    def _rows(self, ask: Callable[[Words], Rows]) -> list[int]:
        return [
            start + row
            for start, part in self._collection.placed
            for row in ask(part.words).tolist()
            if part.shown is None or part.shown[row]
        ]

    # --- looks ------------------------------------------------------------------------------------------------------

    def alike(self, vector: Vectors, limit: int) -> dict[int, float]:
        """Cosines by position: the ``limit`` best."""
        found = self._collection.search(vector, limit, self._filters, self._by_caption)
        return {each.position: each.score for each in found}

    def cosines(self, vector: Vectors, positions: Sequence[int]) -> dict[int, float]:
        found: dict[int, float] = {}
        for start, part, rows in self._collection.split(positions):
            scores = part.vectors(self._by_caption)[np.array(sorted(rows), np.int64)] @ vector
            found |= {start + row: float(score) for row, score in zip(sorted(rows), scores, strict=True)}
        return found

    def lowest(self, vector: Vectors) -> float:
        """The least cosine of an even sample of all rows."""
        step = max(1, len(self._collection) // _SAMPLED)
        parts = [part.vectors(self._by_caption) for _, part in self._collection.placed]
        return min((float((rows[::step] @ vector).min()) for rows in parts if len(rows)), default=0.0)


def _shown(part: SearchedPart, start: int, found: Iterable[tuple[int, float]]) -> dict[int, float]:
    return {start + row: score for row, score in found if part.shown is None or part.shown[row]}
