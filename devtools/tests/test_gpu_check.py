"""The GPU check at toy size on a CPU: every section runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journalclip_devtools import gpu_check


def test_every_section_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_check, "FORBIDDEN", ())  # other tests of this process import them
    out = tmp_path / "found.json"
    assert gpu_check.main(["--tiny", "--device", "cpu", "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("device: the CPU")
    found = json.loads(out.read_text())
    assert found["step tiny"]["ours"]["samples_per_s"] > 0
    assert found["loss chunked 64"]["seconds"] > 0
    assert found["recipe selip_paper_demo"]["loss"] > 0
    assert found["machine"]["tiny"] is True
