import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.duplicates import FEATURELESS, Hashed, cluster, hamming

values = st.integers(1, 2**64 - 1)


def hashed(numbers: list[int]) -> list[Hashed]:
    return [Hashed(f"id{at:03}", f"{number:016x}") for at, number in enumerate(numbers)]


def by_comparing_all(items: list[Hashed], distance: int) -> list[set[str]]:
    groups = [{item.id} for item in items]
    for a, b in combinations(items, 2):
        if hamming(a.phash, b.phash) <= distance:
            first = next(group for group in groups if a.id in group)
            second = next(group for group in groups if b.id in group)
            if first is not second:
                first |= second
                groups.remove(second)
    return sorted((group for group in groups if len(group) > 1), key=min)


@st.composite
def families(draw: st.DrawFn) -> list[int]:
    """A few hashes and neighbours of each, so that pairs at every small distance occur."""
    found = []
    for seed in draw(st.lists(values, min_size=1, max_size=5)):
        found.append(seed)
        for _ in range(draw(st.integers(0, 4))):
            flips = draw(st.sets(st.integers(0, 63), max_size=14))
            found.append(seed ^ sum(1 << bit for bit in flips) or 1)
    return found


@given(families(), st.integers(0, 12))
def test_it_finds_what_comparing_all_pairs_finds(numbers: list[int], distance: int) -> None:
    assert cluster(hashed(numbers), distance) == by_comparing_all(hashed(numbers), distance)


@given(families(), st.randoms())
def test_order_is_of_no_account(numbers: list[int], rng: random.Random) -> None:
    items = hashed(numbers)
    shuffled = rng.sample(items, len(items))
    assert cluster(shuffled) == cluster(items)


@given(families())
def test_a_larger_distance_only_joins(numbers: list[int]) -> None:
    for group in cluster(hashed(numbers), 4):
        assert any(group <= wider for wider in cluster(hashed(numbers), 8))


def test_images_without_structure_join_nothing() -> None:
    assert cluster([Hashed("a", FEATURELESS), Hashed("b", FEATURELESS), Hashed("c", f"{1:016x}")]) == []


def test_equal_hashes_are_one_cluster() -> None:
    assert cluster(hashed([5, 5, 2**64 - 1])) == [{"id000", "id001"}]


@pytest.mark.parametrize("phash", ["", "12", "z" * 16, "1" * 17])
def test_a_hash_of_another_form_is_refused(phash: str) -> None:
    with pytest.raises(ValueError, match=r"hash|invalid literal"):
        cluster([Hashed("a", phash)])
