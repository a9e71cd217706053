from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.components import components, roots

_links = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30)


@given(links=_links)
def test_groups_are_a_partition_and_do_not_depend_on_the_order_of_links(links: list[tuple[int, int]]) -> None:
    found = components(range(13), links)
    assert sorted(node for group in found for node in group) == list(range(13))
    assert components(range(13), links[::-1]) == found
    of = {node: n for n, group in enumerate(found) for node in group}
    assert all(of[one] == of[other] for one, other in links)
    assert roots(range(13), links) == {node: group[0] for group in found for node in group}


def test_what_nothing_joins_stands_alone() -> None:
    assert components(["b", "a", "c"], [("c", "b")]) == [["a"], ["b", "c"]]
