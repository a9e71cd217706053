"""Counts of filters: the same whether a value is a bitmap or a list of rows, and as counted one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_inference.index.facets import Facets, Filters

VALUES = {"modality": ("CT", "MRI"), "year": tuple(str(year) for year in range(2000, 2100)), "finding": ("a", "b", "c")}
rows = st.lists(
    st.fixed_dictionaries({name: st.sets(st.sampled_from(values), max_size=2) for name, values in VALUES.items()}),
    max_size=200,
)


@settings(max_examples=40, deadline=None)
@given(rows=rows, modality=st.sets(st.sampled_from(VALUES["modality"])), year=st.booleans(), hidden=st.integers(0, 3))
def test_counts_leave_a_facets_own_choice_out(
    rows: list[dict[str, set[str]]], modality: set[str], year: bool, hidden: int
) -> None:
    tokens = [[f"{name}={value}" for name, values in row.items() for value in sorted(values)] for row in rows]
    facets = Facets.of(tokens, Filters.facets())
    filters = Filters(modality=tuple(sorted(modality)), year=("2000", "2001", "none") if year else ())
    shown = np.array([n % 4 >= hidden for n in range(len(rows))], bool)
    found = facets.counts(filters, shown)
    for facet, values in VALUES.items():
        for value in values:
            others = [name for name in ("modality", "year") if name != facet and filters.of(name)]
            right = sum(
                bool(shown[n]) and value in row[facet] and all(row[each] & set(filters.of(each)) for each in others)
                for n, row in enumerate(rows)
            )
            assert found[facet].get(value, 0) == right
    mask = facets.mask(filters)
    passing = [
        all(row[each] & set(filters.of(each)) for each in ("modality", "year") if filters.of(each)) for row in rows
    ]
    assert (mask is None) == filters.empty
    assert mask is None or mask.tolist() == passing
