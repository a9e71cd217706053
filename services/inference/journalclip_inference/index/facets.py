"""Filters and their counts: which rows have which value, kept as sorted row numbers.

Within one facet values are alternatives (CT or MRI), between facets they are conditions (CT and 2024). A facet's own
counts leave its own choice out, as readers expect of a filter list: they say what choosing another value would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.index.rows import RowTable
from journalclip_shared.records import Document

Facet = Literal["modality", "anatomy", "journal", "year", "licence"]
FACETS: tuple[Facet, ...] = get_args(Facet)
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


class Filters(Document):
    """Chosen values by facet; an empty facet does not restrict."""

    modality: tuple[str, ...] = Field((), max_length=50)
    anatomy: tuple[str, ...] = Field((), max_length=50)
    journal: tuple[str, ...] = Field((), max_length=50)
    year: tuple[str, ...] = Field((), max_length=50)
    licence: tuple[str, ...] = Field((), max_length=50)

    def of(self, facet: Facet) -> tuple[str, ...]:
        chosen: tuple[str, ...] = getattr(self, facet)
        return chosen

    @property
    def empty(self) -> bool:
        return not any(self.of(facet) for facet in FACETS)


class Facets:
    """The values of one table."""

    def __init__(self, rows: int, values: Mapping[Facet, Mapping[str, Rows]]) -> None:
        self._rows = rows
        self._values = values

    @classmethod
    def of(cls, table: RowTable) -> Facets:
        values = {facet: _positions(_column(table, facet)) for facet in FACETS}
        return cls(len(table), values)

    def mask(self, filters: Filters) -> Mask | None:
        """True for rows that pass; None where nothing is filtered."""
        return None if filters.empty else self._mask(filters, leave_out=None)

    def counts(self, filters: Filters, shown: Mask | None = None) -> dict[str, dict[str, int]]:
        """For each facet, how many of the rows ``shown`` each value would give under the other facets' choices."""
        return {facet: self._counts(facet, filters, shown) for facet in FACETS}

    def _counts(self, facet: Facet, filters: Filters, shown: Mask | None) -> dict[str, int]:
        others = filters.model_copy(update={facet: ()})
        values = self._values[facet]
        if others.empty and shown is None:
            return {value: len(rows) for value, rows in values.items()}
        mask = self._mask(others, leave_out=facet)
        mask = mask if shown is None else mask & shown
        return {value: int(mask[rows].sum()) for value, rows in values.items()}

    def _mask(self, filters: Filters, leave_out: Facet | None) -> Mask:
        mask = np.ones(self._rows, bool)
        for facet in FACETS:
            if facet != leave_out and (chosen := filters.of(facet)):
                either = np.zeros(self._rows, bool)
                for value in chosen:
                    either[self._values[facet].get(value, _NONE)] = True
                mask &= either
        return mask


def add_counts(parts: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Counts of several tables as one; values that occur, most frequent first."""
    total: dict[str, dict[str, int]] = {facet: {} for facet in FACETS}
    for part in parts:
        for facet, counts in part.items():
            for value, count in counts.items():
                total[facet][value] = total[facet].get(value, 0) + count
    return {facet: dict(sorted(counts.items(), key=lambda c: (-c[1], c[0]))) for facet, counts in total.items()}


def _column(table: RowTable, facet: Facet) -> Sequence[Sequence[str]]:
    if facet == "anatomy":
        return table.anatomy
    return [[value] if value else [] for value in table.column(facet)]


def _positions(column: Sequence[Sequence[str]]) -> dict[str, Rows]:
    found: dict[str, list[int]] = {}
    for position, values in enumerate(column):
        for value in values:
            found.setdefault(value, []).append(position)
    return {value: np.array(positions, np.int64) for value, positions in found.items()}


_NONE: Rows = np.zeros(0, np.int64)
