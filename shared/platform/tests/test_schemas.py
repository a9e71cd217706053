"""The committed schemas and topic page are what the models say today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journalclip_shared.events import FACTS
from journalclip_shared.schemas import files, topic_page, write

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", sorted(files()))
def test_what_is_committed_is_what_would_be_generated(name: str) -> None:
    assert (DOCS / name).read_text() == files()[name], "run `python -m journalclip_shared.schemas docs`"


def test_every_topic_and_field_is_on_the_page() -> None:
    page = topic_page()
    for topic, fact in FACTS.items():
        assert f"## {topic}\n" in page
        assert all(f"| `{name}` |" in page for name in fact.model_fields)


def test_writing_twice_is_writing_once(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path)
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == len(FACTS) + 1
    stored = json.loads((tmp_path / "schemas/events/articles.submitted.v1.json").read_text())
    assert stored["$id"] == "articles.submitted.v1"
    assert "pdf" in stored["required"]
