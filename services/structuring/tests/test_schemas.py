"""The published JSON Schemas are the models' own."""

from __future__ import annotations

from pathlib import Path

from journalclip_shared.records.schemas import published, write

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas"


def test_the_published_files_are_current(tmp_path: Path) -> None:
    write(tmp_path)
    for name, content in published().items():
        assert (tmp_path / name).read_text(encoding="utf-8") == content
        assert (PUBLISHED / name).read_text(encoding="utf-8") == content, (
            "run `python -m journalclip_shared.records.schemas docs/schemas`"
        )
