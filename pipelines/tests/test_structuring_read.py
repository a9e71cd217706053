"""``journalclip structuring read``: one line out for each line in, in order; a bad line is named by its number."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_pipelines.cli import app
from journalclip_pipelines.commands.structuring_read import answer_of
from journalclip_shared.errors import PermanentError
from journalclip_structuring import build
from journalclip_structuring.benching import read_reports
from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.client import EndpointOptions
from journalclip_structuring.endpoint.journal import ListJournal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit, WholeCap
from journalclip_structuring.endpoint.structurer import EndpointStructurer
from journalclip_structuring.errors import StructurerStopped
from journalclip_structuring.lm import scratch
from journalclip_structuring.pseudo.corpus import PseudoReport
from journalclip_structuring.structurer import Failure, StructureResult
from journalclip_structuring.testing.endpoint import Misbehaving, Mode

LINES = [
    {"id": "b", "kind": "report", "text": "DWI shows an infarct in the left thalamus."},
    {"id": "a", "kind": "caption", "text": "Axial T2-weighted MRI shows a glioma of the left temporal lobe."},
]
TEXT = "".join(json.dumps(line) + "\n" for line in LINES)


def test_a_file_and_standard_input_give_the_same_lines_in_order(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(TEXT, "utf-8")
    by_file = CliRunner().invoke(app, ["structuring", "read", str(file), "--json"])
    by_stdin = CliRunner().invoke(app, ["structuring", "read", "-", "--json"], input=TEXT)
    assert by_file.exit_code == by_stdin.exit_code == 0
    assert by_file.stdout == by_stdin.stdout
    report, caption = [json.loads(line) for line in by_file.stdout.splitlines()]
    assert (report["id"], caption["id"]) == ("b", "a")
    assert set(report) == {"id", "structurer", "record", "rendering", "flags"}
    assert report["record"]["descriptions"][0]["sequence"] == "DWI"
    assert caption["record"]["findings"][0]["term"] == "glioma"
    assert caption["structurer"].startswith("rules/")


def test_without_json_a_person_reads_the_renderings() -> None:
    shown = CliRunner().invoke(app, ["structuring", "read", "-"], input=TEXT)
    assert "b: DWI: infarct in the left thalamus." in shown.stdout


def test_a_bad_line_is_named() -> None:
    refused = CliRunner().invoke(app, ["structuring", "read", "-"], input=TEXT + '{"kind": "poem", "text": "x"}\n')
    assert isinstance(refused.exception, PermanentError)
    assert (refused.exception.code, "line 3" in refused.exception.reason) == ("line-unreadable", True)


def test_a_failure_is_a_line_without_a_record() -> None:
    line = answer_of(StructureResult("x", Failure("language-unsupported", "it is not read")), "rules/1")
    assert (line["record"], line["failure"]["code"], line["structurer"]) == (None, "language-unsupported", "rules/1")


def test_a_wrong_key_is_said_after_the_lines_and_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _endpoint(tmp_path, monkeypatch, "401")
    done = CliRunner().invoke(app, ["structuring", "read", "-", "--structurer", "endpoint", "--json"], input=TEXT)
    assert [json.loads(line)["failure"]["code"] for line in done.stdout.splitlines()] == ["endpoint-unauthorized"] * 2
    assert isinstance(done.exception, StructurerStopped)
    assert "JOURNALCLIP_ENDPOINT_KEY" in done.exception.remedy


def test_phase_one_is_said_by_the_endpoint_read_back_counted_and_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[list[PseudoReport]] = []
    monkeypatch.setattr(scratch, "train_from_scratch", lambda _folder, _config, _show, more: trained.append(more))
    call = ["structuring", "finetune", str(tmp_path / "lm"), "--paraphrase", "8", "--json"]
    double = _endpoint(tmp_path, monkeypatch, None)
    done = CliRunner().invoke(app, call, catch_exceptions=False)
    said = json.loads(done.stdout)["phase_one"]
    assert said["asked"] == double.requests == 8
    assert said["kept"] + sum(said["dropped"].values()) == 8
    assert 0 < said["kept"] < 8
    assert set(said["dropped"]) == {"record-differs"}
    assert said["share"] == round(said["kept"] / 8, 3)
    (more,) = trained
    assert more == read_reports(tmp_path / "lm" / "phase-one.jsonl")
    assert len(more) == said["kept"]
    again = CliRunner().invoke(app, call, catch_exceptions=False)
    assert json.loads(again.stdout)["phase_one"] == said
    assert double.requests == 8, "what is written is not asked for again"
    _endpoint(tmp_path / "other", monkeypatch, "401")
    refused = CliRunner().invoke(app, ["structuring", "finetune", str(tmp_path / "new"), "--paraphrase", "2"])
    assert isinstance(refused.exception, StructurerStopped)
    assert not (tmp_path / "new").exists()


def _endpoint(folder: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode | None) -> Misbehaving:
    """The double in the place of the endpoint that the settings name. It turns a report's sentences round, and swaps
    left and right in every second one."""
    asked = count()

    def said(message: str) -> str:
        lines = " ".join(message.split("\n")[1:-1]).split(". ")
        text = ". ".join(each.strip().rstrip(".") for each in reversed(lines)) + "."
        return json.dumps({"report": text.replace("No ", "Possible ") if next(asked) % 2 else text})

    double = Misbehaving(mode, said, 1.0)
    options = EndpointOptions(url="http://endpoint.invalid/v1", model="m", attempts=2, backoff_s=0.001)
    made = EndpointStructurer(
        options, Budget(WholeCap(1.0)), Prices(0, 0), RateLimit(10**9), AnswerCache(folder), ListJournal(), double
    )
    monkeypatch.setattr(build, "endpoint_of", lambda *_: made)
    monkeypatch.setenv("JOURNALCLIP_STRUCTURER", "endpoint")
    return double
