"""The rule-based structurer on sentences that set traps."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_shared.records.caption import CaptionRecord, Laterality, Stage
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import Failure, StructureRequest, StructureResult, signature
from journalclip_structuring.vocabulary import CAPTION_FIELDS, vocabulary

RULES = RuleStructurer()


def record(text: str) -> CaptionRecord:
    return RULES.caption(StructureRequest("1", text))


def terms(text: str, field: str) -> list[str]:
    return [coded.term for coded in getattr(record(text), field)]


def findings(text: str) -> dict[str, tuple[bool, str]]:
    return {finding.term: (finding.negated, finding.certainty) for finding in record(text).findings}


def test_a_whole_caption() -> None:
    text = "Preoperative axial contrast-enhanced T1-weighted MR image showing a left frontal meningioma without edema."
    found = record(text)
    assert [c.term for c in found.modality] == ["MRI"]
    assert [c.term for c in found.sequence] == ["T1CE"]
    assert [c.term for c in found.plane] == ["axial"]
    assert [c.term for c in found.stage] == ["preoperative"]
    meningioma, edema = found.findings
    assert (meningioma.term, meningioma.site, meningioma.laterality) == ("meningioma", "frontal lobe", "left")
    assert (edema.term, edema.negated) == ("edema", True)
    assert found.rendering == (
        "Preoperative axial T1CE MRI of the left frontal lobe: meningioma in the left frontal lobe; no edema."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No infarct.", {"infarct": (True, "certain")}),
        ("Infarct.", {"infarct": (False, "certain")}),
        ("No hemorrhage, midline shift or hydrocephalus.",
         {"hemorrhage": (True, "certain"), "midline shift": (True, "certain"), "hydrocephalus": (True, "certain")}),
        ("No edema but a clear infarct.", {"edema": (True, "certain"), "infarct": (False, "certain")}),
        ("No edema. Infarct.", {"edema": (True, "certain"), "infarct": (False, "certain")}),
        ("Hydrocephalus was not seen.", {"hydrocephalus": (True, "certain")}),
        ("Possible glioma.", {"glioma": (False, "possible")}),
        ("An aneurysm cannot be excluded.", {"aneurysm": (False, "possible")}),
        ("A mass suggestive of lymphoma.", {"mass": (False, "certain"), "lymphoma": (False, "probable")}),
        ("Not only edema was present.", {"edema": (False, "certain")}),
    ],
)  # fmt: skip
def test_negation_and_certainty(text: str, expected: dict[str, tuple[bool, str]]) -> None:
    assert findings(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Left panel: CT.",
        "From left to right, CT.",
        "CT (left) and MRI.",
        "Top right: CT.",
        "left: CT",
        "Right column, CT.",
    ],
)
def test_sides_of_the_page_are_not_sides_of_the_patient(text: str) -> None:
    assert terms(text, "laterality") == []


def test_sides_of_the_patient() -> None:
    assert terms("Right thalamic and left-sided pontine infarcts", "laterality") == ["right", "left"]


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("Subdural haematoma", "findings", ["subdural hematoma"]),
        ("Oedema and haemorrhages", "findings", ["edema", "hemorrhage"]),
        ("T2 weighted images", "sequence", ["T2WI"]),
        ("X-ray diffraction patterns", "modality", ["chart"]),
        ("the same sem was used", "modality", []),
        ("SEM images", "modality", ["microscopy"]),
        ("a charter of CTs", "modality", ["CT"]),
        ("ADC map", "modality", ["MRI"]),
    ],
)
def test_spelling_plural_case_and_longest_match(text: str, field: str, expected: list[str]) -> None:
    assert terms(text, field) == expected


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["no", "left", "CT", "infarct", ".", "frontal", "but"])).map(" ".join)
)
@settings(deadline=None)
def test_every_span_holds_its_text_and_every_term_is_in_its_vocabulary(text: str) -> None:
    found = record(text)
    for field in CAPTION_FIELDS:
        for coded in getattr(found, "findings" if field == "finding" else field):
            assert coded.span is not None
            assert text[slice(*coded.span)] == coded.text
            assert coded.term in vocabulary(field).terms
    assert record(text) == found


def test_closed_vocabularies_are_the_schemas_literals() -> None:
    assert set(vocabulary("laterality").terms) == set(get_args(Laterality))
    assert set(vocabulary("stage").terms) == set(get_args(Stage))


def test_every_vocabulary_names_its_source_and_matches_its_own_words() -> None:
    for name in CAPTION_FIELDS:
        loaded = vocabulary(name)
        assert loaded.source
        for term, synonyms in loaded.terms.items():
            for synonym in synonyms:
                matches = loaded.find(synonym)
                assert [match.term for match in matches] == [term], (name, synonym)


def test_results_come_in_order_and_hold_one_of_two() -> None:
    results = RULES.structure([StructureRequest("b", "CT"), StructureRequest("a", "MRI", panel="A")])
    assert [result.request_id for result in results] == ["b", "a"]
    assert results[1].record is not None
    assert results[1].failure is None
    failed = StructureResult("c", Failure("x", "y"))
    assert failed.record is None
    assert failed.failure == Failure("x", "y")
    assert signature(RULES) == f"rules/{RULES.version}"
