"""Denials, hedges, sides and look-alikes in sentences of our own; the misses that are known are named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from journalclip_shared.records.caption import CaptionRecord
from journalclip_structuring.coverage import LOW_READ_SHARE
from journalclip_structuring.lookalikes import long_forms
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import StructureRequest

DATA = tomllib.loads((Path(__file__).parent / "data" / "caption_sentences.toml").read_text(encoding="utf-8"))
RULES = RuleStructurer()
KNOWN_MISSES = {
    "Control angiogram: the aneurysm is no longer opacified.",
    "This is no ordinary cyst.",
    "A nodule without calcification or cavitation in the left lung.",
    "No infarct can be excluded.",
    "PET-CT shows a metastasis.",
}


def read(text: str) -> CaptionRecord:
    return RULES.caption(StructureRequest("1", text))


def holds(record: CaptionRecord, name: str, wanted: str) -> bool:
    if name in {"L", "S", "M"}:
        coded = {"L": record.laterality, "S": record.sequence, "M": record.modality}[name]
        return sorted(each.term for each in coded) == sorted(filter(None, wanted.split("+")))
    if name.startswith("side:"):
        sides = [each.laterality for each in record.findings if each.term == name[5:] and not each.negated]
        return bool(sides) and all(side in wanted.split("+") for side in sides)
    said = {
        "denied" if each.negated else "certain" if each.certainty == "certain" else "hedged"
        for each in record.findings
        if each.term == name
    }
    return "certain" not in said if wanted == "not" else said == {wanted}


@pytest.mark.parametrize("part", ["tuned", "held", "held_again", "varied", "fresh", "hard"])
def test_sentences_are_read_as_they_are_meant(part: str) -> None:
    missed = {
        text
        for text, expected in DATA[part]
        if not all(holds(read(text), *each.strip().split("=")) for each in expected.split(";"))
    }
    assert missed == {text for text, _ in DATA[part] if text in KNOWN_MISSES}


def test_a_sentence_of_which_nothing_is_coded_is_unread() -> None:
    text = "Axial CT. The values differ widely between the groups of the first and second year. No hemorrhage."
    record = read(text)
    assert [text[slice(*span)].strip() for span in record.unread] == [
        "The values differ widely between the groups of the first and second year."
    ]
    assert record.read_share == pytest.approx(0.24, abs=0.02)
    assert record.flags == ()
    nothing = read("Values of the first year.")
    assert (nothing.read_share, nothing.flags) == (0.0, ("low-read-share",))
    assert 0 < LOW_READ_SHARE < 1


@pytest.mark.parametrize(
    ("short", "text", "found"),
    [
        ("CT", "Survival after chemotherapy (CT).", ["chemotherapy"]),
        ("CT", "CT = connective tissue; E = epithelium", ["connective tissue"]),
        ("MR", "MR, mitral regurgitation", ["mitral regurgitation"]),
        ("CT", "CT of the head", []),
    ],
)
def test_a_caption_says_itself_what_its_abbreviations_mean(short: str, text: str, found: list[str]) -> None:
    assert list(long_forms(short, text)) == found
