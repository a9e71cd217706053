from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_intake.articles import copies, find_deliveries, submit, submitted
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ArticleSubmitted


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "artifacts")


@pytest.fixture
def bus(tmp_path: Path) -> SqliteBus:
    return SqliteBus(tmp_path / "events.db")


def pdf(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_pdfs_are_found_below_and_by_any_case(tmp_path: Path) -> None:
    pdf(tmp_path / "a", "x.PDF", b"")
    pdf(tmp_path / "a" / "b", "y.pdf", b"")
    pdf(tmp_path / "a", "notes.txt", b"")
    (tmp_path / "a" / "folder.pdf").mkdir()
    assert [path.name for path in find_deliveries(tmp_path / "a")] == ["y.pdf", "x.PDF"]
    assert find_deliveries(tmp_path / "a" / "x.PDF") == [tmp_path / "a" / "x.PDF"]
    with pytest.raises(PermanentError, match="input-missing"):
        find_deliveries(tmp_path / "nowhere")


def test_submitting_twice_is_one_article_and_one_event(tmp_path: Path, store: LocalArtifacts, bus: SqliteBus) -> None:
    path = pdf(tmp_path, "one.pdf", b"%PDF-1")
    assert submit(store, bus, path).new
    again = submit(store, bus, path)
    assert (again.new, again.copy_of) == (False, None)
    assert len(list(bus.read(ArticleSubmitted.topic))) == 1
    assert [fact.name for fact in submitted(store)] == ["one.pdf"]


def test_a_copy_under_another_name_is_remembered_not_processed(
    tmp_path: Path, store: LocalArtifacts, bus: SqliteBus
) -> None:
    first = submit(store, bus, pdf(tmp_path, "one.pdf", b"%PDF-1"))
    copy = submit(store, bus, pdf(tmp_path, "two.pdf", b"%PDF-1"))
    assert (copy.article_id, copy.new, copy.copy_of) == (first.article_id, False, "one.pdf")
    assert len(list(bus.read(ArticleSubmitted.topic))) == 1
    assert copies(store) == {first.article_id: ["two.pdf"]}
