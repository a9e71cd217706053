"""Authors, DOIs and words at line ends, on lines and pages drawn here."""

from __future__ import annotations

import pytest

from journalclip_devtools.doubles.pdfs import Journal
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.captions.wording import join_lines, own_words
from journalclip_extraction.extractor import read_article
from journalclip_extraction.identifiers import find_doi
from journalclip_extraction.licences import address_of, stricter, version_of
from journalclip_shared.records.article import ArticleFacts

NAMES = ("Mara Lindqvist", "Otto K. Berger", "Chiara de Fontana")


def facts_of(*below: str, size: float = 11) -> ArticleFacts:
    journal = Journal().text(56, 80, "Fever after a long mountain walk", size=18, font="tibo")
    journal.text(56, 102, *below, size=size, font="tiro").paragraph(56, 300, width=480, rows=30)
    return read_article(journal.pdf(), ExtractOptions(crops=False, panels=False)).facts


@pytest.mark.parametrize(
    "printed",
    [
        "Mara Lindqvist, Otto K. Berger, Chiara de Fontana",
        "Mara Lindqvist, MD, PhD, Otto K. Berger, MSc, and Chiara de Fontana, MD",
        "Mara Lindqvist1,2, Otto K. Berger2 & Chiara de Fontana1*",
        "Mara Lindqvist | Otto K. Berger | Chiara de Fontana",
        "Mara Lindqvist; Otto K. Berger; Chiara de Fontana on behalf of the Walkers",
    ],
)
def test_authors(printed: str) -> None:
    assert facts_of(printed).authors == NAMES


@pytest.mark.parametrize(
    "printed", ["Department of Medicine, University of Nowhere", "Clinical Image", "An Open Study"]
)
def test_what_is_no_name_is_nobody(printed: str) -> None:
    assert facts_of(printed).authors == ()


@pytest.mark.parametrize(
    ("lines", "doi"),
    [
        (("https://doi.org/10.5555/jim.2024.00411",), "10.5555/jim.2024.00411"),
        (("Trial registration: OSF, doi 10.17605/OSF.IO/AB12C.", "doi:10.5555/jim.41"), "10.5555/jim.41"),
        (("Data are deposited at 10.5555/data.77.", "https://doi.org/10.5555/jim.41"), "10.5555/jim.41"),
        (("Cite as: J Inv Med 2024; 7: 31. doi: 10.5555/jim.2024", ".00317"), "10.5555/jim.2024.00317"),
        (("J Inv Med 2024; 7: 31. doi: 10.5555/jim.2024-", "and a word."), None),
    ],
)
def test_the_articles_own_doi(lines: tuple[str, ...], doi: str | None) -> None:
    assert facts_of(*lines, size=8).doi.value == doi


def test_a_last_author_on_a_line_of_its_own_is_one() -> None:
    assert facts_of("Mara Lindqvist1,2, Otto K. Berger2", "& Chiara de Fontana1*").authors == NAMES


def test_of_two_editions_the_doi_that_is_printed_more_often_is_the_articles() -> None:
    editions = ("Edicion: DOI: 10.5555/esp.202411411", "Edition: DOI: 10.5555/eng.202411411")
    assert facts_of(*editions, "https://doi.org/10.5555/eng.202411411", size=8).doi.value == "10.5555/eng.202411411"


def test_brackets_of_a_doi_are_its_own_only_in_pairs() -> None:
    assert find_doi("(doi:10.1016/S2352-3026(20)30366-5)") == "10.1016/S2352-3026(20)30366-5"
    assert find_doi("(https://doi.org/10.5555/jim.41).") == "10.5555/jim.41"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (("a contrast-", "enhanced image"), "a contrast-enhanced image"),
        (("a 58-year-", "old man"), "a 58-year-old man"),
        (("left- and right-", "sided"), "left- and right-sided"),
        (("the left-", "and right-sided lesions"), "the left- and right-sided lesions"),
        (("the hemi-", "sphere"), "the hemisphere"),
        (("an enhance-", "ment"), "an enhancement"),
        (("short-", "ening"), "shortening"),
        (("see https://example.org/data-", "set/left"), "see https://example.org/data-set/left"),
        (("mul\u00ad", "tiple"), "multiple"),
    ],
)
def test_hyphens_at_line_ends(lines: tuple[str, ...], text: str) -> None:
    assert join_lines(lines) == text


def test_the_documents_own_words_decide_over_what_compounds_are_made_of() -> None:
    assert join_lines(["a follow-", "up"], own_words(["the followup was long"])) == "a followup"
    assert join_lines(["a brain-", "stem"], own_words(["the brain-stem was small"])) == "a brain-stem"


def test_licences_have_versions_and_addresses() -> None:
    assert version_of("under the Creative Commons Attribution 4.0 International License") == "4.0"
    assert address_of("CC BY-NC", "3.0") == "https://creativecommons.org/licenses/by-nc/3.0/"
    assert address_of("all rights reserved", "4.0") is None
    assert stricter("CC BY", "unknown") == "unknown"
