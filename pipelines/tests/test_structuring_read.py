"""``journalclip structuring read``: one line out for each line in, in order; a bad line is named by its number."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from journalclip_pipelines.cli import app
from journalclip_pipelines.commands.structuring_read import answer_of
from journalclip_shared.errors import PermanentError
from journalclip_structuring.structurer import Failure, StructureResult

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
