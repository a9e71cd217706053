"""Identities of articles: the same thing under every spelling, and nothing under a stump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.ids import (
    files_digest,
    identify_article,
    identify_figure,
    normalise_doi,
    normalise_pmcid,
    pages_digest,
)

suffixes = st.from_regex(r"[a-z]{2,8}\.[0-9]{4,7}", fullmatch=True)


@given(
    suffixes,
    st.sampled_from(["", "doi:", "https://doi.org/", "http://dx.doi.org/", "DOI: "]),
    st.sampled_from(["", ".", ")", ",", ";"]),
)
def test_a_doi_is_one_in_every_spelling(suffix: str, before: str, after: str) -> None:
    doi = f"10.5555/{suffix}"
    assert normalise_doi(f"{before}{doi.upper()}{after}") == normalise_doi(doi) == doi


@given(suffixes)
def test_normalising_twice_changes_nothing(suffix: str) -> None:
    once = normalise_doi(f"10.5555/{suffix}")
    assert once is not None
    assert normalise_doi(once) == once


@pytest.mark.parametrize(
    ("printed", "meant"),
    [
        ("10.1371/journal.pone", None),
        ("10.1371/journal.pone.0000001.g001", "10.1371/journal.pone.0000001"),
        ("10.1101/2020.01.02.123456v2", "10.1101/2020.01.02.123456"),
        ("10.12688/f1000research.1234.2", "10.12688/f1000research.1234"),
        ("10.1016/S0000-1111(05)22222-3", "10.1016/s0000-1111(05)22222-3"),
        ("no doi at all", None),
    ],
)
def test_versions_components_and_stumps(printed: str, meant: str | None) -> None:
    assert normalise_doi(printed) == meant


def test_a_doi_counts_before_a_pmcid_before_pages() -> None:
    digest = pages_digest(["one page"])
    by_doi = identify_article("10.5555/a.1", "PMC123456", digest)
    assert by_doi == identify_article("https://doi.org/10.5555/A.1", None, "other")
    assert identify_article("10.5555/stump", "PMC123456", digest) == identify_article(None, "123456.2", "other")
    assert identify_article(None, None, digest) != identify_article(None, None, "other")
    assert normalise_pmcid("pmc0012345.1") == "PMC12345"


@given(st.lists(st.text(max_size=40), max_size=4))
def test_pages_are_what_they_say(texts: list[str]) -> None:
    spaced = [" ".join(text) for text in texts]
    assert pages_digest(texts) == pages_digest(spaced)


def test_figures_and_files() -> None:
    assert len({identify_figure("art_x", number, place) for number in ("1", "S1") for place in (0, 1)}) == 4
    assert (
        files_digest({"a": "1", "b": "2"}) == files_digest({"b": "2", "a": "1"}) != files_digest({"a": "2", "b": "1"})
    )
