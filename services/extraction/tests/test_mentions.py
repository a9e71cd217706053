from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_extraction.mentions import mentioned


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("as Figs. 2 and 3 show", {"2", "3"}),
        ("Figures 2-4", {"2", "3", "4"}),
        ("Figures 2–4 and 6(b)", {"2", "3", "4", "6"}),
        ("Figures 9 through 12", {"9", "10", "11", "12"}),
        ("see Fig. 2A", {"2"}),
        ("(Fig. S1)", {"S1"}),
        ("Fig. S1–S3", {"S1", "S2", "S3"}),
        ("Supplementary Figures 2 and 3", {"S2", "S3"}),
        ("Figs 1A–C, 2 and 4", {"1", "2", "4"}),
        ("Figures 1A, B, and 2C", {"1", "2"}),
        ("Figure 1a, b and 3", {"1", "3"}),
        ("(Figs. 1,2,5–7)", {"1", "2", "5", "6", "7"}),
        ("Figure 3, A and B", {"3"}),
        ("Figure 1 and 2.", {"1", "2"}),
        ("Fig. IV", {"4"}),
        ("Abb. 3", {"3"}),
        ("Fig. 1.2", {"1.2"}),
        ("Fig. 12 of 30 patients", {"12"}),
        ("Fig. 2, 3 patients had a bleed", {"2"}),
        ("Figure 3 shows 4 patients", {"3"}),
        ("Table 2 and config 3", set()),
        ("prefigure 2", set()),
    ],
)
def test_references(text: str, numbers: set[str]) -> None:
    assert mentioned(text) == numbers


@given(st.integers(1, 200), st.sampled_from(["Fig", "Fig.", "Figure", "FIG.", "(Fig.", "figure"]))
def test_a_single_reference_is_exactly_that_number(number: int, word: str) -> None:
    assert mentioned(f"as {word} {number} shows") == {str(number)}


@given(st.integers(1, 60), st.integers(1, 20), st.sampled_from(["-", "–", " to ", " through "]))
def test_a_range_is_every_number_in_it(first: int, length: int, dash: str) -> None:
    expected = {str(n) for n in range(first, first + length + 1)}
    assert mentioned(f"(Figs. {first}{dash}{first + length})") == expected


@given(st.lists(st.integers(1, 60), min_size=2, max_size=6, unique=True))
def test_a_list_is_every_number_in_it(numbers: list[int]) -> None:
    *most, last = map(str, numbers)
    assert mentioned(f"Figures {', '.join(most)} and {last} show it") == set(map(str, numbers))


@given(st.integers(1, 99), st.sampled_from("abcdefABCDEF"), st.booleans())
def test_a_letter_never_changes_the_number(number: int, letter: str, bracket: bool) -> None:
    suffix = f"({letter})" if bracket else letter
    assert mentioned(f"see Fig. {number}{suffix}, which") == {str(number)}


@given(st.text(max_size=80))
def test_no_text_is_too_odd(text: str) -> None:
    mentioned("Figs. 1" + text)
