"""Sequences by header first and by name second, with a confidence that says how sure."""

from __future__ import annotations

import pytest

from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.recognise import recognise


@pytest.mark.parametrize(
    ("facts", "sequence"),
    [
        (SeriesFacts(te=9, tr=500, scanning=frozenset({"SE"})), "T1WI"),
        (SeriesFacts(te=9, tr=500, scanning=frozenset({"SE"}), contrast_agent=True), "T1CE"),
        (SeriesFacts(te=3, tr=1900, ti=900, scanning=frozenset({"GR", "IR"})), "T1WI"),
        (SeriesFacts(te=95, tr=4500, scanning=frozenset({"SE"})), "T2WI"),
        (SeriesFacts(te=90, tr=9000, ti=2500, scanning=frozenset({"SE", "IR"})), "FLAIR"),
        (SeriesFacts(te=85, tr=4000, b_value=1000, scanning=frozenset({"EP"})), "DWI"),
        (SeriesFacts(kinds=frozenset({"ADC"})), "ADC"),
        (SeriesFacts(te=20, tr=28, scanning=frozenset({"GR"})), "SWI"),
    ],
)
def test_by_what_the_header_measured(facts: SeriesFacts, sequence: str) -> None:
    found = recognise(facts)
    assert found is not None
    assert found.sequence == sequence
    assert found.confidence >= 0.7


@pytest.mark.parametrize(
    ("words", "sequence"),
    [
        ("t1_mprage_sag", "T1WI"), ("T1 post Gd", "T1CE"), ("AX T1 +C", "T1CE"), ("t2_tse_tra", "T2WI"),
        ("t2_tirm_dark-fluid", "FLAIR"), ("Ax FLAIR", "FLAIR"), ("ep2d_diff_b1000", "DWI"), ("ADC (10^-6)", "ADC"),
        ("SWAN", "SWI"), ("t2*", "SWI"),
    ],
)  # fmt: skip
def test_by_name_alone_with_less_confidence(words: str, sequence: str) -> None:
    found = recognise(SeriesFacts(words=words))
    assert found is not None
    assert (found.sequence, found.confidence) == (sequence, 0.6)


@pytest.mark.parametrize("words", ["localizer", "TOF MRA", "perfusion", "", "ep2d b0"])
def test_what_is_none_of_the_seven_stays_unrecognised(words: str) -> None:
    assert recognise(SeriesFacts(words=words)) is None


def test_agreement_adds_and_disagreement_takes_away() -> None:
    measured = SeriesFacts(te=95, tr=4500, scanning=frozenset({"SE"}))
    alone, agreed, contrary = (
        recognise(SeriesFacts(te=95, tr=4500, scanning=measured.scanning, words=words)) for words in ("", "t2", "t1")
    )
    assert alone is not None
    assert agreed is not None
    assert contrary is not None
    assert contrary.sequence == "T2WI", "the header goes first"
    assert contrary.confidence < alone.confidence < agreed.confidence
