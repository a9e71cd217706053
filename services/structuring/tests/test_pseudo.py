"""Pseudo reports: seeded, true to their study, covering the vocabularies, templates of the two splits apart."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_shared.records.report import ReportLanguage, SequenceName, Signal
from journalclip_structuring.pseudo.chinese import ChineseWriter
from journalclip_structuring.pseudo.corpus import coverage, pseudo_reports
from journalclip_structuring.pseudo.draw import MIDLINE_SITES, draw_study
from journalclip_structuring.pseudo.noise import blur
from journalclip_structuring.pseudo.write import Writer, plural, templates
from journalclip_structuring.report_rendering import chinese_words
from journalclip_structuring.report_rules import read_report
from journalclip_structuring.reports.language import language_of
from journalclip_structuring.study import Study, StudyFinding
from journalclip_structuring.vocabulary import vocabulary


def test_the_same_seed_gives_the_same_reports_and_another_seed_others() -> None:
    first = list(pseudo_reports(1, 30))
    assert first == list(pseudo_reports(1, 40))[:30]
    assert not {report.text for report in first} & {report.text for report in pseudo_reports(2, 30)}
    assert len({report.text for report in first}) == 30


def test_the_splits_share_no_template() -> None:
    for slot, pools in templates("report").items():
        assert pools["train"], slot
        assert pools["held_out"], slot
        assert not set(pools["train"]) & set(pools["held_out"]), slot


def test_a_thousand_reports_name_every_term() -> None:
    found = coverage(list(pseudo_reports(1, 1000)))
    for name, (seen, known, rarest) in found.terms.items():
        assert seen == known, name
        assert rarest > 10, name


@given(st.integers(min_value=0, max_value=1 << 30), st.sampled_from(["train", "held_out"]))
@settings(max_examples=150, deadline=None)
def test_the_text_names_every_finding_of_the_study_and_no_other(seed: int, split: str) -> None:
    rng = Random(seed)
    study = draw_study(rng)
    text, ordered = Writer(rng, "train" if split == "train" else "held_out").write(study)
    assert sorted(map(repr, ordered.findings)) == sorted(map(repr, study.findings))
    said = {match.term for match in vocabulary("report_finding").find(text)}
    assert {finding.term for finding in study.findings} == said
    for match in vocabulary("report_sequence").find(text):
        assert match.term in study.sequences
    assert "{" not in text
    assert "\x00" not in text


@given(st.integers(min_value=0, max_value=1 << 30), st.sampled_from(["train", "held_out"]))
@settings(max_examples=100, deadline=None)
def test_a_chinese_report_is_chinese_and_says_every_finding(seed: int, split: str) -> None:
    study = draw_study(Random(seed))
    text, ordered = ChineseWriter(Random(seed), "train" if split == "train" else "held_out").write(study)
    assert sorted(map(repr, ordered.findings)) == sorted(map(repr, study.findings))
    assert language_of(text) == "zh"
    for finding in study.findings:
        assert chinese_words()["finding"][finding.term] in text
    assert not set("{}") & set(text)


def test_the_languages_have_the_same_slots() -> None:
    assert templates("report").keys() == templates("report_zh").keys()
    for pools in templates("report_zh").values():
        assert not set(pools["train"]) & set(pools["held_out"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_truth_says_which_sequences_the_report_calls_normal_and_the_rules_read_it_back(
    language: ReportLanguage,
) -> None:
    called = total = right = 0
    for report in pseudo_reports(3, 60, "held_out", language=language):
        calm = {each.sequence for each in read_report(report.text).descriptions if each.normal}
        called += len(report.study.normal)
        right += len(calm & set(report.study.normal))
        total += len(calm)
    assert right == total > 0.9 * called > 10


@given(st.integers(min_value=0, max_value=1 << 30))
@settings(max_examples=100, deadline=None)
def test_studies_are_anatomically_possible(seed: int) -> None:
    study = draw_study(Random(seed))
    assert len({finding.term for finding in study.findings}) == len(study.findings)
    for finding in study.findings:
        assert finding.site not in MIDLINE_SITES or finding.laterality is None
        assert set(finding.on) <= set(study.sequences)
        assert finding.enhancement is None or "T1CE" in (finding.on or study.sequences)


def test_first_lessons_are_shorter() -> None:
    assert max(len(report.study.findings) for report in pseudo_reports(0, 100, most=1)) <= 2


@given(st.integers(min_value=0, max_value=1000))
@settings(max_examples=60, deadline=None)
def test_noise_leaves_every_fact_in_place(seed: int) -> None:
    (report,) = pseudo_reports(seed, 1)
    noisy = blur(report.text, Random(seed), share=1.0)
    for name in ("report_finding", "report_site", "report_sequence", "report_signal"):
        facts = [match.term for match in vocabulary(name).find(report.text)]
        assert [match.term for match in vocabulary(name).find(noisy)] == facts


@pytest.mark.parametrize(
    ("one", "many"),
    [("metastasis", "metastases"), ("cavity", "cavities"), ("abscess", "abscesses"), ("falx", "falxes"),
     ("cyst", "cysts"), ("basal ganglia", "basal ganglias"), ("pons", "pons")],
)  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


def diffusion_reports(on: dict[SequenceName, Signal | None]) -> list[str]:
    study = Study(sequences=("DWI", "ADC"), findings=(StudyFinding(term="infarct", on=on),))
    return [Writer(Random(seed)).write(study)[0].lower() for seed in range(200)]


def test_restricted_diffusion_is_bright_and_dark_and_nothing_else_is() -> None:
    bright = diffusion_reports({"DWI": "hyperintense", "ADC": "hyperintense"})
    assert not [text for text in bright if "restrict" in text]
    restricted = diffusion_reports({"DWI": "hyperintense", "ADC": "hypointense"})
    assert any("restrict" in text for text in restricted)
    dark = [*templates("words")["signal_adj"]["hypointense"], *templates("words")["signal_noun"]["hypointense"]]
    assert all("restrict" in text or any(word in text for word in dark) for text in restricted)
