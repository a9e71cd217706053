"""Filters and their counts: which rows have which value, kept as sorted row numbers.

Within one facet values are alternatives (CT or MRI), between facets they are conditions (CT and 2024). A facet's own
counts leave its own choice out, as readers expect of a filter list: they say what choosing another value would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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


Bits = NDArray[np.uint64]
_Alike = dict[tuple[tuple[str, tuple[str, ...]], ...], tuple[Mask, Bits]]  # rows that pass, by choices


class Facets:
    """The values of one table. A value that many rows have is a bitmap, any other the numbers of its rows: a count
    under a filter then reads an eighth of a byte a row at most."""

    def __init__(self, rows: int, names: Sequence[str], values: Mapping[str, Mapping[str, Rows]]) -> None:
        self._rows = rows
        self._names = tuple(names)
        self._values = values
        self._bits = {
            (facet, value): _packed(_mask_of(rows, found))
            for facet, of_facet in values.items()
            for value, found in of_facet.items()
            if len(found) * _SPARSE > rows
        }

    @classmethod
    def of(cls, tokens: Sequence[Iterable[str]], names: Sequence[str]) -> Facets:
        """``tokens``: the facet tokens of each row."""
        lists = [list(of_row) for of_row in tokens]
        return cls.of_column(pa.chunked_array([lists], pa.list_(pa.string())), names)

    @classmethod
    def of_column(cls, tokens: pa.ChunkedArray, names: Sequence[str]) -> Facets:
        """The same of a column of lists, none of which becomes objects of Python."""
        lists = tokens.combine_chunks()
        coded = pc.dictionary_encode(lists.flatten())
        owners = np.repeat(np.arange(len(lists), dtype=np.int64), pc.list_value_length(lists).to_numpy())
        codes = coded.indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(coded.dictionary)))
        values: dict[str, dict[str, Rows]] = {name: {} for name in names}
        start = 0
        for token, end in zip(coded.dictionary.to_pylist(), ends.tolist(), strict=True):
            facet, _, value = token.partition("=")
            if facet in values:
                values[facet][value] = owners[order[start:end]]
            start = end
        return cls(len(lists), names, values)

    def mask(self, filters: Choices) -> Mask | None:
        """True for rows that pass; None where nothing is filtered."""
        return None if filters.empty else self._mask(filters, leave_out=None)

    def counts(self, filters: Choices, shown: Mask | None = None) -> dict[str, dict[str, int]]:
        """For each facet, how many of the rows ``shown`` each value would give under the other facets' choices."""
        alike: _Alike = {}  # most facets have the same other choices
        return {facet: self._counts(facet, filters, shown, alike) for facet in self._names}

    def _counts(self, facet: str, filters: Choices, shown: Mask | None, alike: _Alike) -> dict[str, int]:
        chosen = tuple((each, filters.of(each)) for each in self._names if each != facet and filters.of(each))
        values = self._values[facet]
        if not chosen and shown is None:
            return {value: len(rows) for value, rows in values.items()}
        if chosen not in alike:
            mask = self._mask(filters, leave_out=facet)
            mask = mask if shown is None else mask & shown
            alike[chosen] = mask, _packed(mask)
        mask, packed = alike[chosen]
        return {
            value: int(mask[rows].sum())
            if (bits := self._bits.get((facet, value))) is None
            else int(np.bitwise_count(bits & packed).sum())
            for value, rows in values.items()
        }

    def _mask(self, filters: Choices, leave_out: str | None) -> Mask:
        mask = np.ones(self._rows, bool)
        for facet in self._names:
            if facet != leave_out and (chosen := filters.of(facet)):
                either = np.zeros(self._rows, bool)
                for value in chosen:
                    either[self._values[facet].get(value, _NONE)] = True
                mask &= either
        return mask


def _mask_of(rows: int, found: Rows) -> Mask:
    mask = np.zeros(rows, bool)
    mask[found] = True
    return mask


def _packed(mask: Mask) -> Bits:
    """One bit a row, in whole words."""
    return np.packbits(np.pad(mask, (0, -len(mask) % 64))).view(np.uint64)


def add_counts(parts: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Counts of several tables as one; values that occur, most frequent first."""
    total: dict[str, dict[str, int]] = {}
    for part in parts:
        for facet, counts in part.items():
            total.setdefault(facet, {})
            for value, count in counts.items():
                total[facet][value] = total[facet].get(value, 0) + count
    return {facet: dict(sorted(counts.items(), key=lambda c: (-c[1], c[0]))) for facet, counts in total.items()}


_SPARSE = 64  # a value that fewer than a 64th of the rows have is quicker to count row by row
_NONE: Rows = np.zeros(0, np.int64)
