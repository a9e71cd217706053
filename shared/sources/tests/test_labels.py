from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_sources.pdf.labels import parse_label, roman_value


@pytest.mark.parametrize(
    ("line", "kind", "number", "text"),
    [
        ("Figure 1. Axial CT", "figure", "1", "Axial CT"),
        ("FIG. 2A | Axial CT", "figure", "2", "Axial CT"),
        ("Fig 1 Axial CT", "figure", "1", "Axial CT"),
        ("FIGURE 1    |    Axial CT", "figure", "1", "Axial CT"),
        ("Supplementary Fig. S3: Axial CT", "figure", "S3", "Axial CT"),
        ("Supplementary Figure 3: Axial CT", "figure", "S3", "Axial CT"),
        ("eFigure 3. Axial CT", "figure", "S3", "Axial CT"),
        ("Abb. IV Axiales CT", "figure", "4", "Axiales CT"),
        ("Figura 3. TAC axial", "figure", "3", "TAC axial"),
        ("F I G U R E 5 Axial CT", "figure", "5", "Axial CT"),
        ("Рис. 2. КТ", "figure", "2", "КТ"),
        ("Figure A1. Axial CT", "figure", "A1", "Axial CT"),
        ("Figure 1.2 Axial CT", "figure", "1.2", "Axial CT"),
        ("Fig. 3 A 45-year-old man", "figure", "3", "A 45-year-old man"),
        ("Figure 2 (continued) Coronal CT", "figure", "2", "Coronal CT"),
        ("Fig. 10 Cont'd. Coronal CT", "figure", "10", "Coronal CT"),
        ("Figure 4 – Axial CT", "figure", "4", "Axial CT"),
        ("Table 2. Patients", "table", "2", "Patients"),
        ("Scheme 1. Synthesis", "figure", "1", "Synthesis"),
    ],
)
def test_labels_of_captions(line: str, kind: str, number: str, text: str) -> None:
    label = parse_label(line)
    assert label is not None
    assert (label.kind, label.number, line[label.end :]) == (kind, number, text)


@pytest.mark.parametrize(
    "line", ["The figure 1", "Figures", "config 3", "Data were 5", "Fig. x", "", "Tabletop 4", "1"]
)
def test_lines_without_a_label(line: str) -> None:
    assert parse_label(line) is None


def test_a_continuation_says_so() -> None:
    label = parse_label("Figure 2 (continued)")
    assert label is not None
    assert label.continued


def test_a_panel_suffix_is_not_part_of_the_number() -> None:
    label = parse_label("Figure 1a–e proves")
    assert label is not None
    assert (label.number, label.suffix) == ("1", "a-e")


@given(
    st.integers(1, 999), st.sampled_from(["Figure", "Fig.", "FIG", "Abb."]), st.sampled_from([". ", ": ", " | ", " "])
)
def test_every_number_comes_back(number: int, word: str, separator: str) -> None:
    label = parse_label(f"{word} {number}{separator}Axial CT")
    assert label is not None
    assert label.number == str(number)


@given(st.integers(1, 99))
def test_roman_numerals_come_back(number: int) -> None:
    tens = ["", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"]
    units = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"]
    roman = tens[number // 10] + units[number % 10]
    assert roman_value(roman) == number
    label = parse_label(f"Figure {roman}. Axial CT")
    assert label is not None
    assert label.number == str(number)


@given(st.text(max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    label = parse_label("Figure 1" + text)
    assert label is None or 0 < label.end <= len(text) + 8


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Gráfico 1. Evolución anual", "graph 1"),
        ("Chart 3: Flow of patients", "graph 3"),
        ("Scheme 2 Synthesis", "scheme 2"),
        ("Mapa 1. Regiones", "map 1"),
        ("Схема 2. Обследование", "scheme 2"),
    ],
)
def test_graphs_schemes_and_maps_are_numbered_beside_the_figures(text: str, key: str) -> None:
    label = parse_label(text)
    assert label is not None
    assert (label.kind, label.key) == ("figure", key)


@pytest.mark.parametrize("text", ["MAPK: Mitogen-activated protein kinase", "MAP2: a protein", "Graph K. Nothing"])
def test_words_that_only_begin_so_are_no_labels(text: str) -> None:
    assert parse_label(text) is None
