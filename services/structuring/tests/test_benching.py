"""The bench: its two kinds of file, its keys, and what bad files get."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from journalclip_shared.errors import PermanentError
from journalclip_structuring.benching import BadBenchFile, read_cases, run_bench, write_reports
from journalclip_structuring.pseudo.corpus import pseudo_reports
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import Failure, StructureRequest, StructureResult
from journalclip_structuring.study import load, to_record

LABELS = Path(__file__).parent / "data" / "real_captions.json"
CORPUS = Path(os.environ.get("JOURNALCLIP_CORPUS", Path(__file__).parents[3].parent / "shared" / "corpus" / "dev"))


class Oracle:
    """Knows the truth of a bench file; fails the texts it is told to fail."""

    name = "oracle"
    version = "1"

    def __init__(self, path: Path, codes: dict[int, str]) -> None:
        self._lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self._codes = codes

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        return [
            StructureResult(each.request_id, Failure(self._codes[index], ""))
            if index in self._codes
            else StructureResult(each.request_id, to_record(load(json.dumps(line["study"])), each.text))
            for index, (each, line) in enumerate(zip(texts, self._lines, strict=True))
        ]


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports.jsonl"
    write_reports(path, list(pseudo_reports(1, 10)))
    return path


def test_an_oracle_is_right_about_everything(reports: Path) -> None:
    found = run_bench(read_cases(reports), Oracle(reports, {}))
    for key in ("json_valid", "schema_valid", "field_f1", "negation_accuracy", "exact_match"):
        assert found[key] == 1.0, key
    assert found["records_per_s"] > 0
    assert found["structurer"] == "oracle/1"


def test_failures_count_by_their_code(reports: Path) -> None:
    found = run_bench(read_cases(reports), Oracle(reports, {0: "answer-wrong-schema", 1: "answer-not-json"}))
    assert (found["json_valid"], found["schema_valid"], found["exact_match"]) == (0.9, 0.8, 0.8)
    assert found["failures"] == {"answer-wrong-schema": 1, "answer-not-json": 1}


def test_rules_read_reports_well_above_nothing(reports: Path) -> None:
    found = run_bench(read_cases(reports), RuleStructurer())
    assert found["field_f1"] > 0.7
    assert found["schema_valid"] == 1.0


@pytest.mark.parametrize("content", ["", "{", '{"captions": [{"article": "x", "figure": "1", "fields": {}}]}'])
def test_a_bad_label_file_is_refused_with_its_code(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content, encoding="utf-8")
    (tmp_path / "gold.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadBenchFile) as caught:
        read_cases(path, tmp_path)
    assert caught.value.code == "bench-file-invalid"


def test_missing_files_and_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadBenchFile, match="does not exist"):
        read_cases(tmp_path / "none.jsonl")
    with pytest.raises(BadBenchFile, match="name the corpus folder"):
        read_cases(LABELS)
    (tmp_path / "bad.jsonl").write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(BadBenchFile):
        read_cases(tmp_path / "bad.jsonl")


def test_an_empty_bench_is_refused() -> None:
    with pytest.raises(PermanentError, match="bench-file-empty"):
        run_bench([], RuleStructurer())


def test_labels_are_facts_without_caption_text() -> None:
    labels = json.loads(LABELS.read_text(encoding="utf-8"))["captions"]
    assert len(labels) == 200
    assert len({(label["article"], label["figure"]) for label in labels}) == 200
    assert {label["part"] for label in labels} == {"tuning", "unseen"}
    for label in labels:
        assert set(label) == {"article", "figure", "part", "fields"}


@pytest.mark.corpus
def test_rules_on_real_captions() -> None:
    if not (CORPUS / "gold.json").exists():
        pytest.skip(f"the real articles are not at {CORPUS}")
    found = run_bench(read_cases(LABELS, CORPUS), RuleStructurer())
    assert found["reports"] == 200
    assert found["field_f1"] >= 0.85
