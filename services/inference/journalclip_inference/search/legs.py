"""The two legs of a search over all parts of a collection: rows by their words, and rows by their looks.

Positions run through all parts (`Collection`). The scores of a row depend neither on the part that it lies in nor on
the order of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from journalclip_inference.index.collection import Collection, Part
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.plan import Plan
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.index.words import Rows, Words

_SAMPLED = 4_096  # rows whose cosines show where the least lie: the 0 of the scale moves by little with more


class Legs:
    """Both legs of one collection under one set of filters."""

    def __init__(self, collection: Collection, filters: Filters, by_caption: bool = False) -> None:
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
        return {position: score / plan.total for position, score in best}

    def shares(self, plan: Plan, positions: Sequence[int]) -> dict[int, float]:
        """Shares of given positions; 0 where nothing matches."""
        found = dict.fromkeys(positions, 0.0)
        for start, part, rows in self._collection.split(positions):
            scores = part.words.scores(plan, rows)
            found |= {start + row: score / plan.total for row, score in scores.items()}
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
            scores = self._vectors(part)[np.array(sorted(rows), np.int64)] @ vector
            found |= {start + row: float(score) for row, score in zip(sorted(rows), scores, strict=True)}
        return found

    def lowest(self, vector: Vectors) -> float:
        """The least cosine of an even sample of all rows."""
        step = max(1, len(self._collection) // _SAMPLED)
        lows = [
            float((vectors[::step] @ vector).min()) for vectors in map(self._vectors, self._parts()) if len(vectors)
        ]
        return min(lows, default=0.0)

    def _parts(self) -> Iterable[Part]:
        return self._collection.parts

    def _vectors(self, part: Part) -> NDArray[np.float32]:
        return part.texts if self._by_caption else part.images


def _shown(part: Part, start: int, found: Iterable[tuple[int, float]]) -> dict[int, float]:
    return {start + row: score for row, score in found if part.shown is None or part.shown[row]}
