"""Scoring: what each kind of mistake costs."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.report import ReportFinding, ReportRecord, SequenceDescription
from journalclip_structuring.pseudo.draw import draw_study
from journalclip_structuring.scoring import Counts, score, summarise
from journalclip_structuring.study import to_record


def report(*findings: ReportFinding) -> ReportRecord:
    return ReportRecord(descriptions=(SequenceDescription(sequence="T1WI", findings=findings),))


GLIOMA = ReportFinding(term="glioma", site="thalamus", laterality="left", signal="hypointense")
CYST = ReportFinding(term="cyst", site="pons", negated=True)


@given(st.integers(min_value=0, max_value=1 << 30))
@settings(max_examples=50, deadline=None)
def test_a_record_is_right_about_itself(seed: int) -> None:
    record = to_record(draw_study(Random(seed)))
    found = score(record, record)
    assert found.exact
    assert found.total().f1 == 1.0


def test_one_wrong_field_costs_one_field() -> None:
    wrong = GLIOMA.model_copy(update={"laterality": "right"})
    found = score(report(GLIOMA), report(wrong))
    total = found.total()
    assert (total.right, total.predicted, total.true) == (4, 5, 5)
    assert found.fields["laterality"].f1 == 0.0
    assert not found.exact


def test_lists_are_aligned_whatever_their_order() -> None:
    assert score(report(GLIOMA, CYST), report(CYST, GLIOMA)).exact


def test_negation_is_counted_on_findings_of_the_same_term() -> None:
    present = CYST.model_copy(update={"negated": False})
    found = score(report(GLIOMA, CYST), report(GLIOMA, present))
    assert (found.negation.right, found.negation.true) == (1, 2)
    assert found.fields["negated"].recall == 0.0


def test_missed_and_invented_findings_cost_recall_and_precision() -> None:
    missed, invented = score(report(GLIOMA), report()), score(report(), report(GLIOMA))
    assert missed.total().precision == 1.0
    assert missed.total().recall == 0.2
    assert invented.total().recall == 1.0
    assert invented.total().precision == 0.2


def test_no_record_misses_everything() -> None:
    found = score(report(GLIOMA), None)
    assert found.total().f1 == 0.0
    assert not found.exact


def test_captions_are_scored_by_field_without_spans() -> None:
    truth = CaptionRecord(modality=(Coded(term="CT"),), findings=(Finding(term="infarct"),))
    same = CaptionRecord(
        modality=(Coded(term="CT", text="CT", span=(0, 2)),), findings=(Finding(term="infarct", site="pons"),)
    )
    assert score(truth, same).exact
    other = CaptionRecord(modality=(Coded(term="MRI"),), findings=(Finding(term="infarct", certainty="possible"),))
    found = score(truth, other)
    assert found.fields["modality"].f1 == 0.0
    assert found.fields["finding"].f1 == 1.0
    assert found.fields["certainty"].precision == 0.0


def test_summaries_hold_their_intervals() -> None:
    good, bad = score(report(GLIOMA), report(GLIOMA)), score(report(GLIOMA), report(CYST))
    summary = summarise([good] * 9 + [bad])
    assert summary.reports == 10
    assert summary.exact_match == 0.9
    low, high = summary.exact_match_interval
    assert low <= 0.9 <= high
    assert summary.field_f1_interval[0] <= summary.field_f1 <= summary.field_f1_interval[1]
    assert summary.negation_accuracy == 1.0
    assert summarise([good] * 9 + [bad]) == summary


def test_nothing_has_no_summary() -> None:
    with pytest.raises(ValueError, match="nothing"):
        summarise([])
    assert Counts().f1 == Counts().precision == Counts().recall == 1.0
