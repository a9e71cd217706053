"""Reports of our own, in both languages: how well the rules read them, and what must hold for any text."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_shared.records.report import Change, ReportRecord, Shape, Signal
from journalclip_structuring.report_rendering import chinese_words, clauses, render_sequence, rendered
from journalclip_structuring.report_rules import UnsupportedLanguage, read_report
from journalclip_structuring.reports.language import language_of
from journalclip_structuring.reports.report import read_report_text
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import StructureRequest
from journalclip_structuring.vocabulary import vocabulary

from .report_cases import Tally, cases, tally

_PIECES = (
    "No ", "infarct", " in the left thalamus", ", ", "hyperintense on T2", "; ", " and ", "FLAIR", ": ", ". ", "? ",
    "(", ")", "\n", "12 mm", " x ", "likely ", "unremarkable", "左侧", "额叶", "未见", "见", "长T1长T2信号", "，",
    "。", "考虑", "胶质瘤",
    "FINDINGS:", "印象：", "vs. ", "/", "T1", "-", "1. ",
)  # fmt: skip
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_own_reports_are_read_as_they_should_be(language: str) -> None:
    found = Tally()
    for case in cases(language):
        tally(case, read_report(case.text), found)
    assert found.findings >= 0.97
    assert found.share("negation") >= 0.99
    assert min(found.share(name) for name in ("site", "side", "sequences", "signal", "certainty", "size")) >= 0.96
    assert found.whole / found.reports >= 0.9
    assert found.false_normal == []


@given(texts)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_and_every_span_holds_its_words(text: str) -> None:
    try:
        record = read_report(text)
    except UnsupportedLanguage:
        return
    for finding in record.findings or ():
        assert finding.span is not None
        assert text[slice(*finding.span)] == finding.text != ""
    assert ReportRecord.model_validate_json(record.canonical()) == record
    assert record.read_share is None or 0 <= record.read_share <= 1
    for start, end in record.unread:
        assert 0 <= start < end <= len(text)
    for description in record.descriptions:
        assert ("no abnormality" in description.rendering) == description.normal
        assert ("nothing recognised" in description.rendering) == (not description.recognised)
        affirmed = [each for each in description.findings if not each.negated]
        assert not (description.normal and affirmed)


@given(texts)
@settings(max_examples=100, deadline=None)
def test_what_descriptions_tell_is_what_the_findings_tell(text: str) -> None:
    for language in ("en", "zh"):
        record = read_report(text, language)
        shown = {(name, each.term, each.negated) for each in record.findings or () for name in each.on}
        told = {(d.sequence, each.term, each.negated) for d in record.descriptions for each in d.findings}
        assert shown <= told
        everywhere = {(each.term, each.negated) for each in record.findings or () if not each.on}
        assert all((term, negated) in everywhere for name, term, negated in told - shown)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("DWI bright, ADC dark: infarct", "en"),
        ("R MCA stroke", "en"),
        ("左侧丘脑梗死", "zh"),
        ("T1WI、T2WI及FLAIR未见异常", "zh"),
        ("Kein Nachweis einer frischen Ischämie. Die Ventrikel sind nicht erweitert.", None),
        ("Pas de lésion sur les séquences de diffusion. Le parenchyme est sans anomalie.", None),
        ("No hay evidencia de lesiones en los lóbulos frontales, sin hemorragia.", None),
        ("Non si osservano lesioni della sostanza bianca nella sede destra.", None),
        ("右側前頭葉にT2強調像で高信号を認める。", None),
        ("В левой лобной доле очаг.", None),
        ("좌측 전두엽에 고신호 병변", None),
    ],
)
def test_languages(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_language_that_is_not_read_is_refused_by_a_code() -> None:
    request = StructureRequest("1", "Kein Nachweis einer frischen Ischämie in der Diffusion.", kind="report")
    (result,) = RuleStructurer().structure([request])
    assert result.record is None
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable) == ("language-unsupported", False)


def test_an_unread_sentence_is_counted_and_shown() -> None:
    text = "Infarct in the left pons. Quux frobnicated mumbly grumbly throughout the whole of everything."
    record = read_report(text)
    assert [text[slice(*span)] for span in record.unread] == [text[26:]]
    assert record.read_share is not None
    assert record.read_share < 0.5
    assert record.flags == ("low-read-share",)
    assert read_report("Infarct in the left pons.").flags == ()


@pytest.mark.parametrize(
    ("text", "change", "denied"),
    [
        ("New infarct in the left pons.", "new", False),
        ("The meningioma has grown from 9 mm to 15 mm.", "larger", False),
        ("The abscess has decreased in size.", "smaller", False),
        ("Stable cavernoma of the right thalamus.", "stable", False),
        ("The subdural hematoma has resolved.", "resolved", True),
        ("左侧额叶脑膜瘤较前增大。", "larger", False),
        ("右侧丘脑血肿较前吸收。", "smaller", False),
        ("原左侧枕叶脓肿已消失。", "resolved", True),
    ],
)
def test_the_comparison_with_a_prior_is_a_field(text: str, change: str, denied: bool) -> None:
    record = read_report(text)
    assert record.findings is not None
    (found,) = record.findings
    assert (found.change, found.negated, record.compared) == (change, denied, True)


@pytest.mark.parametrize(
    "text",
    [
        "FLAIR is normal apart from a lesion.",
        "The ventricles are normal on T2.",
        "DWI: no infarct.",
        "Otherwise normal FLAIR.",
        "T1, T2 and FLAIR were obtained.",
        "FLAIR: quux frobnicated.",
        "No acute intracranial abnormality.",
        "FLAIR未见强化。",
        "余FLAIR未见异常。",
        "Symmetric hyperintensity on FLAIR.",
        "FLAIR is unremarkable. FLAIR hyperintense lesion in the pons.",
    ],
)
def test_never_a_false_normal(text: str) -> None:
    record = read_report(text)
    assert not record.normal
    assert not any(each.normal for each in record.descriptions)
    assert "no abnormality" not in record.rendering.lower()


@pytest.mark.parametrize(
    ("text", "sequences"),
    [
        ("T1, T2 and FLAIR are unremarkable.", {"T1WI", "T2WI", "FLAIR"}),
        ("FLAIR: normal.", {"FLAIR"}),
        ("DWI及ADC图未见明显异常信号。", {"DWI", "ADC"}),
        ("Normal MRI of the brain on T1 and T2.", {"T1WI", "T2WI"}),
    ],
)
def test_what_the_report_calls_normal_is_normal(text: str, sequences: set[str]) -> None:
    assert {each.sequence for each in read_report(text).descriptions if each.normal} == sequences


def test_the_examination_as_a_whole() -> None:
    assert read_report("Unremarkable MRI of the brain.").rendering == "No abnormality."
    assert read_report("颅脑MRI平扫未见明显异常。").normal
    assert not read_report("Unremarkable MRI of the brain but for an infarct in the pons.").normal


def test_the_chinese_clauses_have_the_form_that_selips_similarity_compares() -> None:
    record = read_report(
        "T2WI shows a hyperintense 12 x 8 mm glioma in the left thalamus with ring enhancement. No edema."
    )
    t2 = next(each for each in record.descriptions if each.sequence == "T2WI")
    assert clauses(t2) == ("在左侧丘脑表现为高信号胶质瘤",)
    assert render_sequence(t2, "zh") == "T2WI：在左侧丘脑表现为高信号胶质瘤，大小12×8mm，未见水肿。"
    assert rendered(record, "zh").descriptions[1].rendering == render_sequence(t2, "zh")
    assert rendered(read_report("T1 was obtained."), "zh").rendering == "T1WI：未识别。"


def test_every_code_has_a_chinese_name() -> None:
    words = chinese_words()
    assert words["finding"].keys() == set(vocabulary("report_finding").terms) | {"lesion"}
    assert words["site"].keys() == set(vocabulary("report_site").terms)
    assert words["signal"].keys() == set(get_args(Signal))
    assert words["shape"].keys() == set(get_args(Shape))
    assert words["change"].keys() == set(get_args(Change))


def test_records_stored_before_still_decode() -> None:
    old = (
        '{"schema_version":"1","descriptions":[{"sequence":"T1WI","findings":[],"rendering":"T1WI: no abnormality."}],'
        '"flags":[],"by":"rules/1","rendering":""}'
    )
    record = ReportRecord.model_validate_json(old)
    assert (record.findings, record.language, record.read_share) == (None, None, None)
    assert not record.descriptions[0].recognised


def test_history_and_priors_are_no_findings() -> None:
    text = "INDICATION: glioma?\nCOMPARISON: MRI of May, abscess.\nFINDINGS: FLAIR shows an infarct in the pons."
    record = read_report(text)
    assert [each.term for each in record.findings or ()] == ["infarct"]


def test_a_report_that_is_cut_in_lines_is_read_in_sentences() -> None:
    record = read_report("There is an infarct in the\nleft thalamus which is bright\non DWI.")
    assert record.findings is not None
    (found,) = record.findings
    assert (found.site, found.laterality, found.on) == ("thalamus", "left", {"DWI": "hyperintense"})


def test_the_reading_says_what_was_read_for_people() -> None:
    reading = read_report_text("Infarct in the pons.", "en")
    assert reading.findings[0].plain()["site"] == "pons"
