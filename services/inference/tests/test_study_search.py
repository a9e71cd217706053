"""Studies by words: phantoms' own facts are the truth, the record that our rules read of their reports is searched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from journalclip_devtools.benches.study_search import measure_study_search
from journalclip_devtools.doubles.studies import DIM, Archive, archive
from journalclip_inference.errors import NotFound
from journalclip_inference.search.asking import Asked
from journalclip_inference.studies.reader import StudiesAnswer
from journalclip_inference.studies.said import StudyFilters, sentences
from journalclip_shared.records.report import ReportFinding, ReportRecord, SequenceDescription, WholeFinding
from journalclip_synthetic.studies.truth import StudyTruth

Right = Callable[[StudyTruth], bool]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return archive(160, tmp_path_factory.mktemp("archive"))


def ask(studies: Archive, text: str, **filters: tuple[str, ...]) -> StudiesAnswer:
    vector = np.full(DIM, 0.25, np.float32)
    return studies.reader.search(Asked(text, vector, 10, StudyFilters(**filters)))


def test_forty_queries_find_what_phantoms_show(studies: Archive) -> None:
    found = measure_study_search(studies)
    assert found.queries >= 40
    assert found.precision >= 0.8, found
    assert found.side_right >= 0.9, "the side that was asked for"
    assert found.denial_right == 1.0, "what a query denies is in no hit"


def test_a_side_belongs_to_its_finding(studies: Archive) -> None:
    answer = ask(studies, "infarct in the left frontal lobe")
    best = answer.hits[0]
    assert {each.said for each in best.reasons} >= {"infarct", "left"}
    assert all(best.text[start:end] for each in best.reasons for start, end in each.spans)
    lesion = studies.truths[best.study_id].lesion
    assert lesion is not None
    assert (lesion.kind, lesion.side) == ("infarct", "left")
    assert best.sequence_scores


def test_restricted_diffusion_is_read_off_the_signals(studies: Archive) -> None:
    answer = ask(studies, "restricted diffusion in the left MCA territory")
    assert answer.notice is None
    for hit in answer.hits[:3]:
        lesion = studies.truths[hit.study_id].lesion
        assert lesion is not None
        assert lesion.kind in ("infarct", "abscess")
        assert lesion.side == "left"


def test_what_no_report_says_is_told(studies: Archive) -> None:
    assert ask(studies, "fractured femur").notice == "No report says this; these look alike."
    assert ask(studies, "std_99999999999999999999").notice == "No study of this archive has that id."


def test_filters_and_counts_are_those_of_the_records(studies: Archive) -> None:
    answer = ask(studies, "lesion", finding=("meningioma",), side=("right",))
    assert answer.hits
    for hit in answer.hits:
        lesion = studies.truths[hit.study_id].lesion
        assert lesion is not None
        assert (lesion.kind, lesion.side) == ("meningioma", "right")
    there = sum(1 for each in studies.truths.values() if each.lesion and each.lesion.kind == "meningioma")
    assert ask(studies, "lesion").facets["finding"]["meningioma"] == there


def test_a_study_is_not_its_own_example(studies: Archive) -> None:
    name = next(iter(studies.truths))
    answer = studies.reader.similar(name, 5, StudyFilters())
    assert len(answer.hits) == 5
    assert name not in {hit.study_id for hit in answer.hits}
    with pytest.raises(NotFound):
        studies.reader.similar("std_none", 5, StudyFilters())


def test_sentences_of_records_with_and_without_whole_findings() -> None:
    whole = WholeFinding(
        term="infarct", laterality="left", site="thalamus", on={"DWI": "hyperintense", "ADC": "hypointense"}
    )
    denied = WholeFinding(term="hydrocephalus", negated=True)
    said = sentences(ReportRecord(findings=(whole, denied)))
    assert "Restricted diffusion: infarct in the left thalamus." in said
    assert said[-1] == "No hydrocephalus."
    shown = ReportFinding(term="cyst", signal="hypointense")
    old = ReportRecord(descriptions=(SequenceDescription(sequence="FLAIR", findings=(shown,)),))
    assert "FLAIR: hypointense cyst." in sentences(old)
    assert sentences(ReportRecord(normal=True, findings=())) == ("Normal brain: no abnormality.",)
