from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_pipelines.cli import app
from journalclip_pipelines.commands import demo
from journalclip_shared.ids import Json
from journalclip_shared.packaged import LITE0, MINILM, PackagedFile


@pytest.mark.parametrize(
    ("there", "more", "recipe", "said"),
    [
        ({LITE0.package, MINILM.package}, (), "demo_packaged", "real weights of installed packages"),
        ({LITE0.package}, (), "demo", f"from nothing; with {MINILM.package} installed"),
        (set(), (), "demo", f"with {LITE0.package} and {MINILM.package} installed"),
        ({LITE0.package, MINILM.package}, ("--recipe", "demo"), "demo", "what the recipe demo begins with"),
    ],
)
def test_the_demo_takes_real_weights_where_they_are_and_says_where_it_starts(
    there: set[str], more: tuple[str, ...], recipe: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def answers(_folder: Path, _workdir: Path, chosen: str) -> dict[str, Json]:
        taken.append(chosen)
        return {}

    monkeypatch.setattr(PackagedFile, "installed", property(lambda each: each.package in there))
    monkeypatch.setattr(demo, "_answers", answers)
    words = ["demo", "--pdfs", str(tmp_path), "--workdir", str(tmp_path / "w"), "--json", *more]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert taken == [recipe]
    assert said in json.loads(done.stdout.splitlines()[-1])["start"]
    assert said in done.stderr
