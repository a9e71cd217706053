"""The report is built from stored evidence alone: no model is loaded here but to make that evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from journalclip_devtools.doubles.evaluation import candidate, freeze
from journalclip_evaluation.classification import compare_classified, summarise_scores
from journalclip_evaluation.embedding_map import Sketch
from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.models import evaluate_model
from journalclip_evaluation.published import CNS_CLIP, SELIP, published_table, rows_of
from journalclip_evaluation.report.build import Reported, build_report
from journalclip_evaluation.report.plots import beats
from journalclip_evaluation.report.shown import Check, Forgetting, SuiteResults
from journalclip_evaluation.retrieval import summarise
from journalclip_evaluation.suite_data import read_labelled
from journalclip_evaluation.suites import load_suite, shipped_suites
from journalclip_evaluation.unique_texts import TextedVolumes, unique_text_retrieval
from journalclip_shared.artifacts.local import LocalArtifacts

_VOID = {"meta", "img", "br", "path", "use", "rect", "image", "hr"}


class Balance(HTMLParser):
    """Every tag that is opened is closed in order; collects ids and the addresses that links and pictures have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name in ("src", "href", "xlink:href") and value:
                self.addresses.append(value)


def synthetic_results() -> SuiteResults:
    """Made-up scores of two models on the drawn shapes."""
    test = read_labelled(load_suite("synthetic-shapes"), Path(), "test")
    assert test is not None
    rows = test.labels[:, None] == range(6)
    before, after = (
        summarise_scores("synthetic-shapes", "zero-shot", rows * weight + (test.labels[:, None] % 4) * 0.1, test)
        for weight in (0.05, 0.25)
    )
    return SuiteResults(
        "synthetic-shapes", "Six drawn shapes",
        models={"its start": [before.figures], "this model": [after.figures]},
        changes={"its start": [compare_classified(before, after)]},
    )  # fmt: skip


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    folder = tmp_path_factory.mktemp("report")
    store = LocalArtifacts(folder / "store")
    dataset, model = freeze(store, 12), candidate(store, folder)
    found = evaluate_model(store, model, dataset, folder / "cache")
    return Reported(
        title="<script>alert(1)</script>", ranked=found.after.ranked,
        sketch=Sketch.model_validate_json(store.get(found.after.evaluation.sketch)), dataset=dataset, split="test",
        model=model, others={"its start": found.before.ranked}, suites=[synthetic_results()],
        forgetting=Forgetting(
            "imagenet", {"its start": (0.5, 0.2), "this model": (0.4, 0.6)}, [("0", (0.5, 0.2)), ("0.5", (0.49, 0.5))]
        ),
        curves={"loss": [(1, 2.0), (2, 1.0)]}, tables=(CNS_CLIP, SELIP),
        verdict="refused: leaks: 3 captions",
        checks=[Check("leaks", False, "3 <captions>"), Check("card", True, "full")],
    )  # fmt: skip


def test_report_is_one_file_that_escapes_what_it_shows(reported: Reported) -> None:
    html = build_report(reported)
    read = Balance(html)
    assert "<script" not in html
    assert "<captions>" not in html
    for address in read.addresses:  # nothing is fetched from anywhere, and every link leads somewhere
        assert address.startswith("data:") or address[1:] in read.ids
    assert "url(http" not in html
    assert html.count('class="query"') == len(reported.sketch.best) + len(reported.sketch.worst)
    assert build_report(reported) == html


def test_report_has_every_section_and_says_what_was_decided(reported: Reported) -> None:
    html = build_report(reported)
    sections = re.findall(r"<h2>(.*?)</h2>", html)
    assert sections == [
        "Gates", "What was measured", "Retrieval", "Paired differences", "By modality", "Best and worst",
        "Embedding map", "Six drawn shapes", "Gained and forgotten", "Training", "CNS-CLIP&#x27;s table beside ours",
        "SeLIP&#x27;s tables beside ours", "How the figures are made",
    ]  # fmt: skip
    assert '<span class="pill no">refused</span> leaks: 3 captions' in html
    assert "24.56 %" in html
    assert "demonstration of the path" in html
    strict = summarise(reported.ranked).image_to_text
    assert f"{strict.r10:.3f}" in html
    bare = replace(reported, others={}, suites=(), forgetting=None, curves={}, tables=(), verdict="", checks=())
    assert re.findall(r"<h2>(.*?)</h2>", build_report(bare)) == [
        "What was measured", "Retrieval", "By modality", "Best and worst", "Embedding map", "How the figures are made",
    ]  # fmt: skip


def test_tables_print_what_was_published_beside_ours(reported: Reported) -> None:
    assert published_table("selip") is SELIP
    with pytest.raises(SuiteUnusable, match="no such table"):
        published_table("other")
    models = reported.every
    plain = rows_of(CNS_CLIP, models)
    assert [row[1] for row in plain] == [row.published for row in CNS_CLIP.rows]
    assert "pool 12" in plain[0][2]
    assert plain[1][2:4] == ("not measured: needs --suite head-ct-six",) * 2
    general = Forgetting("imagenet", {"this model": (0.4755, 0.5)})
    assert rows_of(CNS_CLIP, models, (), general)[2][3] == "47.55 %"
    ct = replace(synthetic_results(), name="head-ct-six")
    assert re.fullmatch(r"0\.\d{3} zero-shot", rows_of(CNS_CLIP, models, [ct])[1][3])
    assert rows_of(SELIP, models)[0][3] == "not measured: for models of studies"
    eye = np.eye(20, dtype=np.float32)
    other = np.roll(eye, 1, axis=0)
    patients = [f"patient {n}" for n in range(20)]
    found = unique_text_retrieval(
        TextedVolumes(np.where(np.arange(20)[:, None] < 5, eye, other), eye, patients, patients)
    )
    tops = [row[3] for row in rows_of(SELIP, models, unique={"this model": found})[:10]]
    assert tops[0].startswith("25.00 % (")
    assert "pool 20; " in tops[0]
    assert len(set(tops)) == 10
    assert all(row[-1] for table in (CNS_CLIP, SELIP) for row in rows_of(table, models))  # what differs
    assert {*CNS_CLIP.suites, *SELIP.suites} <= set(shipped_suites())


def test_one_point_beats_another_only_in_both() -> None:
    assert beats((1, 1), (0, 1))
    assert not beats((1, 0), (0, 1))
    assert not beats((1, 1), (1, 1))
