"""Sequences by header first and by name second, with a confidence that says how sure."""

from __future__ import annotations

import struct

import pytest
from pydicom import Dataset

from journalclip_sources.studies.dicom.diffusion import b_value
from journalclip_sources.studies.dicom.frames import facts_of, kinds_of
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.recognise import recognise, why_not


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


@pytest.mark.parametrize(
    ("words", "sequence"),
    [
        ("T1 ohne KM", "T1WI"), ("T1 mit Kontrastmittel", "T1CE"), ("T1 sin contraste", "T1WI"),
        ("T1 con contraste", "T1CE"), ("T1 sans gado", "T1WI"), ("T1 injecté", "T1CE"), ("T1 senza mdc", "T1WI"),
        ("T1 dopo mdc", "T1CE"), ("T1 sem contraste", "T1WI"), ("T1 com contraste", "T1CE"),
        ("T1 zonder contrast", "T1WI"), ("T1 met contrast", "T1CE"), ("T1 bez kontrastu", "T1WI"),
        ("T1 po kontraście", "T1CE"), ("Т1 без контраста", "T1WI"), ("Т1 с контрастом", "T1CE"),
        ("造影T1", "T1CE"), ("T1平扫", "T1WI"), ("T1增强", "T1CE"), ("T1 C-", "T1WI"), ("AX T1 C+", "T1CE"),
        ("拡散強調", "DWI"), ("диффузия", "DWI"), ("磁敏感", "SWI"), ("T2 水抑制", "FLAIR"), ("venBOLD", "SWI"),
        ("VEN_BOLD", "SWI"),
    ],
)  # fmt: skip
def test_names_in_eleven_languages(words: str, sequence: str) -> None:
    found = recognise(SeriesFacts(words=words))
    assert found is not None
    assert found.sequence == sequence


@pytest.mark.parametrize(
    "words",
    [
        "MRA_head", "3D_PC_venous", "Angio-RM", "血管成像", "ангиография", "Phase_SWI", "位相", "SWI_mIP",
        "eADC", "ColFA",
        "T2_STIR", "b0_map", "T1 map", "ciss3d", "T2 C-spine sag", "T1 orbita", "PDw tse", "FAT: Ax T1 Flex", "CBF",
        "WILLIS", "T1 Subtraction", "SUB_T1_post", "减影 T1", "faseafbeelding", "定位", "Lokalisator", "spectro_svs",
    ],
)  # fmt: skip
def test_what_looks_like_a_sequence_and_is_none(words: str) -> None:
    times = SeriesFacts(te=3, tr=22, scanning=frozenset({"GR"}), words=words)
    assert recognise(times) is None, "the times alone would say T1"
    assert why_not(times)


def test_an_agent_in_the_header_makes_contrast_unless_the_name_denies_it() -> None:
    plain = SeriesFacts(te=9, tr=500, scanning=frozenset({"SE"}), contrast_agent=True, words="AX T1 pre")
    found = recognise(plain)
    assert found is not None
    assert (found.sequence, found.confidence) == ("T1WI", 0.69)


@pytest.mark.parametrize(
    ("creator", "element", "vr", "stored"),
    [
        ("Philips Imaging DD 001", 0x03, "UN", struct.pack("<f", 1000.0)),
        ("GEMS_PARM_01", 0x39, "UN", b"1000001000\\8"),
        ("SIEMENS MR HEADER", 0x0C, "IS", 1000), ("Image Private Header", 0x09, "UN", struct.pack("<d", 1000.0)),
    ],
)  # fmt: skip
def test_b_values_of_vendors_in_any_block_and_representation(
    creator: str, element: int, vr: str, stored: object
) -> None:
    group = {"P": 0x2001, "G": 0x0043, "S": 0x0019, "I": 0x0065}[creator[0]]
    dataset = Dataset()
    dataset.add_new((group, 0x90), "LO", creator)
    dataset.add_new((group, 0x9000 + element), vr, stored)
    assert b_value(dataset, dataset) == 1000


@pytest.mark.parametrize(("number", "kind"), [(0, ""), (1, "PHASE"), (2, "REAL"), (3, "IMAGINARY")])
def test_ge_says_privately_which_part_of_a_complex_picture_it_is(number: int, kind: str) -> None:
    dataset = Dataset()
    dataset.add_new((0x0043, 0x10), "LO", "GEMS_PARM_01")
    dataset.add_new((0x0043, 0x102F), "SS", number)
    assert kinds_of(dataset, dataset) == ({kind} - {""})


@pytest.mark.parametrize(("stored", "read"), [("OP", False), ("F", False), ("W", True), ("IP", True)])
def test_pictures_of_a_dixon_scan_by_their_image_type(stored: str, read: bool) -> None:
    dataset = Dataset()
    dataset.ImageType = ["DERIVED", "PRIMARY", stored, stored, "DERIVED"]
    facts = SeriesFacts(te=4, tr=8, scanning=frozenset({"GR"}), kinds=kinds_of(dataset, dataset), words="mDIXON")
    assert (recognise(facts) is not None) == read


def test_enhanced_objects_say_gradient_or_spin_echo_elsewhere() -> None:
    dataset = Dataset()
    dataset.EchoPulseSequence, dataset.EchoPlanarPulseSequence, dataset.InversionRecovery = "GRADIENT", "NO", "YES"
    assert facts_of(dataset, dataset).scanning == {"GR", "IR"}
    for scanning in ({"GR"}, set[str]()):
        found = recognise(SeriesFacts(te=20, tr=28, scanning=frozenset(scanning), words="SWI"))
        assert found is not None
        assert found.sequence == "SWI"
