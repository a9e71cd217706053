"""A report's shortest form: its JSON, its schema, and its translation to a record and back."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_shared.records.report import ReportFinding, ReportRecord, SequenceDescription, Size
from journalclip_structuring.pseudo.draw import draw_study
from journalclip_structuring.study import (
    Study,
    StudyFinding,
    dump,
    from_record,
    json_schema,
    load,
    read_size,
    to_record,
)

seeds = st.integers(min_value=0, max_value=1 << 30)


def drawn(seed: int) -> Study:
    study = draw_study(Random(seed))
    shown = {name for finding in study.findings for name in finding.on if not finding.negated}
    everywhere = any(not finding.on and not finding.negated for finding in study.findings)
    calm = () if everywhere or seed % 2 else tuple(name for name in study.sequences if name not in shown)
    return study.model_copy(update={"normal": calm})


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_json_and_back(seed: int) -> None:
    study = drawn(seed)
    assert load(dump(study)) == study


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_record_and_back(seed: int) -> None:
    study = drawn(seed)
    back = from_record(to_record(study))
    assert (back.sequences, back.normal) == (study.sequences, study.normal)
    assert sorted(map(repr, back.findings)) == sorted(map(repr, study.findings))


def test_a_finding_stands_under_each_sequence_that_shows_it_with_its_own_signal() -> None:
    study = Study(
        sequences=("T1WI", "T1CE", "T2WI"),
        findings=(
            StudyFinding(term="glioma", laterality="left", site="thalamus", size="12x8mm", enhancement="ring",
                         on={"T1CE": None, "T2WI": "hyperintense"}),
            StudyFinding(term="edema", negated=True),
        ),
    )  # fmt: skip
    text = "On T2 a bright left thalamic Glioma. No edema."
    record = to_record(study, text, "x/1")
    t1, t1ce, t2 = record.descriptions
    assert [finding.term for finding in t1.findings] == ["edema"]
    assert t1ce.findings[0].enhancement == "ring"
    glioma = t2.findings[0]
    assert (glioma.signal, glioma.enhancement, glioma.size) == ("hyperintense", None, Size(values=(12, 8), unit="mm"))
    assert glioma.span is not None
    assert text[slice(*glioma.span)] == glioma.text == "Glioma"
    assert t2.rendering == "T2WI: hyperintense 12 x 8 mm glioma in the left thalamus; no edema."
    assert t1ce.rendering == "T1CE: 12 x 8 mm glioma in the left thalamus with ring enhancement; no edema."
    assert record.by == "x/1"


def test_two_findings_of_one_term_take_their_own_mentions() -> None:
    study = Study(sequences=("T1WI",), findings=(StudyFinding(term="cyst"), StudyFinding(term="cyst", negated=True)))
    first, second = to_record(study, "A cyst. No other cyst.").descriptions[0].findings
    assert (first.span, second.span) == ((2, 6), (17, 21))


@pytest.mark.parametrize(
    "answer",
    [
        "", "[]", "{", '{"q":[],"f":[],"q":[]}', '{"q":["T9"],"f":[]}', '{"q":[],"f":[{"t":"unicorn"}]}', '{"f":[{}]}',
        '{"q":[],"f":[{"t":"cyst","s":"the moon"}]}', '{"q":[],"f":[{"t":"cyst","z":"1e3mm"}]}', '{"f":[1]}',
        '{"q":[],"f":[{"t":"cyst","k":"0"}]}', '{"q":[],"f":[{"t":"cyst","t":"mass"}]}', '{"q":[],"f":{},"g":1}',
    ],
)  # fmt: skip
def test_what_is_not_a_study_is_refused(answer: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        load(answer)


def test_sizes() -> None:
    assert read_size("1.2x3cm") == Size(values=(1.2, 3.0), unit="cm")
    with pytest.raises(ValueError, match="not a size"):
        read_size("12")


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_every_drawn_study_fits_the_schema_that_answers_are_decoded_under(seed: int) -> None:
    schema = json_schema()
    answer = json.loads(dump(drawn(seed)))
    assert {"q", "f"} <= set(answer) <= {"q", "w", "f"}
    allowed = schema["properties"]["f"]["items"]["properties"]
    for finding in answer["f"]:
        for key, value in finding.items():
            if "enum" in allowed[key]:
                assert value in allowed[key]["enum"]


def test_counts_travel_as_number_or_word() -> None:
    findings = (ReportFinding(term="cyst", count=2), ReportFinding(term="mass", count="multiple"))
    record = ReportRecord(descriptions=(SequenceDescription(sequence="T1WI", findings=findings),))
    assert [finding.count for finding in from_record(record).findings] == ["2", "multiple"]
    assert to_record(from_record(record)).descriptions[0].findings == findings
