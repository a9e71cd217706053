from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_extraction.captions.wording import join_lines, without_identifier


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["a haema-", "toma on"], "a haematoma on"),
        (["stages 1–", "3 and"], "stages 1–3 and"),
        (["the left -", "the right"], "the left - the right"),
        (["X-", "Ray"], "X-Ray"),
        (["one", "two"], "one two"),
        ([], ""),
    ],
)
def test_lines_are_joined_as_printed(lines: list[str], text: str) -> None:
    assert join_lines(lines) == text


def test_a_hyphen_that_the_document_writes_stays() -> None:
    assert join_lines(["a dose-", "dependent"], {"dose-dependent"}) == "a dose-dependent"


@given(st.lists(st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,4}", fullmatch=True), min_size=1, max_size=20))
def test_no_letter_is_lost(lines: list[str]) -> None:
    assert join_lines(lines) == " ".join(lines)


def test_a_figures_own_doi_is_none_of_its_words() -> None:
    assert without_identifier("Axial CT. doi:10.5555/journal.7.g001") == "Axial CT."
    assert without_identifier("Axial CT. https://doi.org/10.5555/7.g1") == "Axial CT."
    assert without_identifier("From doi:10.5555/7, with leave.") == "From doi:10.5555/7, with leave."
