"""Studies by words: phantoms' own facts are the truth, the record that our rules read of their reports is searched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from journalclip_devtools.benches.study_search import measure_study_search
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.studies import DIM, Archive, archive
from journalclip_devtools.doubles.study_site import study_site
from journalclip_inference.errors import NotFound
from journalclip_inference.search.asking import Asked
from journalclip_inference.studies.reader import StudiesAnswer
from journalclip_inference.studies.said import StudyFilters, sentences
from journalclip_shared.records.report import ReportFinding, ReportRecord, SequenceDescription, WholeFinding
from journalclip_synthetic.studies.truth import StudyTruth

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
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


def test_the_api_finds_what_the_reader_finds(studies: Archive, tmp_path: Path) -> None:
    app = study_site(studies, tmp_path)
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:

        def ask_api(text: str) -> list[str]:
            answer = client.post("/v1/studies/search", json={"text": text, "k": 10})
            assert answer.status_code == 200, answer.text
            hits = answer.json()["hits"]
            assert all(hit["sequence_scores"] for hit in hits)
            return [hit["study_id"] for hit in hits]

        found = measure_study_search(studies, ask_api)
    assert found.queries >= 40
    assert found.precision >= 0.8, found
    assert found.side_right >= 0.9
    assert found.denial_right == 1.0


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")
def test_forty_queries_typed_into_the_page_find_what_phantoms_show(studies: Archive, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with live_server(study_site(studies, tmp_path)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{address}/studies")

        def ask_page(text: str) -> list[str]:
            with page.expect_response("**/v1/studies/search") as answered:
                page.get_by_role("searchbox").fill(text)
                page.keyboard.press("Enter")
            first = answered.value.json()["hits"][0]["study_id"]
            page.locator(f"#hits li:first-child[data-study='{first}']").wait_for()
            ids: list[str] = page.locator("#hits li").evaluate_all("all => all.map(each => each.dataset.study)")
            return ids

        found = measure_study_search(studies, ask_page)
        browser.close()
    assert found.queries >= 40
    assert found.precision >= 0.8, found
    assert found.side_right >= 0.9
    assert found.denial_right == 1.0


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
