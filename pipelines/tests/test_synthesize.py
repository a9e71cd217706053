import json
from pathlib import Path

from typer.testing import CliRunner

from journalclip_pipelines.cli import app


def test_writes_pdfs_and_gold_and_counts_them(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["synthesize", str(tmp_path), "--articles", "1", "--seed", "2", "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    gold = json.loads((tmp_path / "gold.json").read_text())
    assert len(list(tmp_path.glob("*.pdf"))) == said["articles"] == 1
    assert said["figures"] == sum(len(entry["figures"]) for entry in gold.values())


def test_says_in_words_what_was_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["synthesize", str(tmp_path), "--articles", "1"])
    assert "1 articles" in result.output
