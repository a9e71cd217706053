"""The GPU check at toy size on a CPU: every section runs, and nothing heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_every_section_runs_without_services_libraries(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "journalclip_devtools.gpu_check", "--tiny", "--device", "cpu", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("device: the CPU")
    found = json.loads(out.read_text())
    assert found["imported"] == []
    assert found["step tiny"]["ours"]["samples_per_s"] > 0
    assert found["loss chunked 64"]["seconds"] > 0
    assert found["recipe selip_paper_demo"]["loss"] > 0
    assert found["machine"]["tiny"] is True
