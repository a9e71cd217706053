"""Filters and their counts: which rows have which value, kept as sorted row numbers.

Within one facet values are alternatives (CT or MRI), between facets they are conditions (CT and 2024). A facet's own
counts leave its own choice out, as readers expect of a filter list: they say what choosing another value would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journalclip_shared.records import Document

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
Chosen = Annotated[tuple[str, ...], Field(max_length=50)]


class Choices(Document):
    """Chosen values by facet; an empty facet does not restrict. Each kind of source names its own facets as fields."""

    @classmethod
    def facets(cls) -> tuple[str, ...]:
        return tuple(cls.model_fields)

    def of(self, facet: str) -> tuple[str, ...]:
        chosen: tuple[str, ...] = getattr(self, facet)
        return chosen

    @property
    def empty(self) -> bool:
        return not any(self.of(facet) for facet in self.facets())


class Filters(Choices):
    """Facets of figures."""

    modality: Chosen = ()
    finding: Chosen = ()
    anatomy: Chosen = ()
    side: Chosen = ()
    sequence: Chosen = ()
    plane: Chosen = ()
    stage: Chosen = ()
    article_type: Chosen = ()
    journal: Chosen = ()
    year: Chosen = ()
    licence: Chosen = ()
    quality: Chosen = ()


def facet_token(facet: str, value: str) -> str:
    """How the words of an index and its table name a value."""
    return f"{facet}={value}"


class Facets:
    """The values of one table."""

    def __init__(self, rows: int, names: Sequence[str], values: Mapping[str, Mapping[str, Rows]]) -> None:
        self._rows = rows
        self._names = tuple(names)
        self._values = values

    @classmethod
    def of(cls, tokens: Sequence[Iterable[str]], names: Sequence[str]) -> Facets:
        """``tokens``: the facet tokens of each row."""
        found: dict[str, dict[str, list[int]]] = {name: {} for name in names}
        for position, of_row in enumerate(tokens):
            for token in of_row:
                facet, _, value = token.partition("=")
                if facet in found:
                    found[facet].setdefault(value, []).append(position)
        values = {
            facet: {value: np.array(positions, np.int64) for value, positions in of_facet.items()}
            for facet, of_facet in found.items()
        }
        return cls(len(tokens), names, values)

    def mask(self, filters: Choices) -> Mask | None:
        """True for rows that pass; None where nothing is filtered."""
        return None if filters.empty else self._mask(filters, leave_out=None)

    def counts(self, filters: Choices, shown: Mask | None = None) -> dict[str, dict[str, int]]:
        """For each facet, how many of the rows ``shown`` each value would give under the other facets' choices."""
        return {facet: self._counts(facet, filters, shown) for facet in self._names}

    def _counts(self, facet: str, filters: Choices, shown: Mask | None) -> dict[str, int]:
        others = filters.model_copy(update={facet: ()})
        values = self._values[facet]
        if others.empty and shown is None:
            return {value: len(rows) for value, rows in values.items()}
        mask = self._mask(others, leave_out=facet)
        mask = mask if shown is None else mask & shown
        return {value: int(mask[rows].sum()) for value, rows in values.items()}

    def _mask(self, filters: Choices, leave_out: str | None) -> Mask:
        mask = np.ones(self._rows, bool)
        for facet in self._names:
            if facet != leave_out and (chosen := filters.of(facet)):
                either = np.zeros(self._rows, bool)
                for value in chosen:
                    either[self._values[facet].get(value, _NONE)] = True
                mask &= either
        return mask


def add_counts(parts: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Counts of several tables as one; values that occur, most frequent first."""
    total: dict[str, dict[str, int]] = {}
    for part in parts:
        for facet, counts in part.items():
            total.setdefault(facet, {})
            for value, count in counts.items():
                total[facet][value] = total[facet].get(value, 0) + count
    return {facet: dict(sorted(counts.items(), key=lambda c: (-c[1], c[0]))) for facet, counts in total.items()}


_NONE: Rows = np.zeros(0, np.int64)
