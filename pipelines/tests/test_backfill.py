from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_devtools.doubles.readers import article, delivery
from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_pipelines.backfill import Row, publish, read_one
from journalclip_pipelines.cli import app
from journalclip_pipelines.operations.catalogue import opened
from journalclip_pipelines.operations.status import source_states
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.withdrawals import Withdrawals

NONE: frozenset[str] = frozenset()


class Reads:
    """Reads what a file's first byte asks for, and counts."""

    calls = 0

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        self.calls += 1
        if data.startswith(b"bad"):
            raise PermanentError("pdf-invalid", "this is not a PDF", "Send a PDF.")
        if data.startswith(b"later"):
            raise TransientError("the zygote is gone")
        return delivery(article(data.decode()))


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "artifacts")


@pytest.fixture
def bus(tmp_path: Path) -> SqliteBus:
    return SqliteBus(tmp_path / "events.db")


def files(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{at}.pdf" for at in range(len(contents))]
    for path, data in zip(paths, contents, strict=True):
        path.write_bytes(data)
    return paths


def go(store: LocalArtifacts, reads: Reads, paths: list[Path], refused: frozenset[str] = NONE) -> list[Row]:
    words = Withdrawals(store)
    return [read_one(store, words, reads, ExtractOptions(), refused, path) for path in paths]


def test_every_file_ends_in_one_state_and_the_log_says_so(
    tmp_path: Path, store: LocalArtifacts, bus: SqliteBus
) -> None:
    found = go(store, Reads(), files(tmp_path, b"good", b"bad", b"later", b"good"))
    summary = publish(bus, found)
    assert summary.states == {"done before": 1, "extracted": 1, "quarantined": 1, "unavailable": 1}
    assert summary.codes == {"pdf-invalid": 1}
    assert (summary.files, summary.figures, summary.work_done) == (4, 2, 2)
    states = {each.name: (each.state, each.code) for each in source_states(opened(tmp_path).catalogue, "articles")}
    assert states == {"0.pdf": ("extracted", ""), "1.pdf": ("quarantined", "pdf-invalid"), "2.pdf": ("submitted", "")}


def test_a_second_backfill_reads_nothing_again(tmp_path: Path, store: LocalArtifacts, bus: SqliteBus) -> None:
    paths = files(tmp_path, b"good", b"bad")
    publish(bus, go(store, Reads(), paths))
    before = [(each.topic, each.offset) for topic in ("figures.extracted.v1",) for each in bus.read(topic)]
    refused = frozenset(
        each.source_id for each in source_states(opened(tmp_path).catalogue, "articles") if each.state == "quarantined"
    )
    again = Reads()
    summary = publish(bus, go(store, again, paths, refused))
    assert again.calls == 0
    assert summary.work_done == 0
    assert summary.states == {"done before": 1, "quarantined before": 1}
    assert [(each.topic, each.offset) for topic in ("figures.extracted.v1",) for each in bus.read(topic)] == before


@pytest.mark.ray
@pytest.mark.slow
def test_an_archive_goes_through_ray(ray_cluster: None, tmp_path: Path) -> None:
    from journalclip_synthetic.journals import write_journals

    write_journals(tmp_path / "archive", 3, 1)
    (tmp_path / "archive" / "empty.pdf").write_bytes(b"")
    command = ["backfill", str(tmp_path / "archive"), "--workdir", str(tmp_path / "work"), "--workers", "1", "--json"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    assert '"extracted": 3' in first.output
    assert '"codes": {"pdf-empty": 1}' in first.output
    second = CliRunner().invoke(app, command)
    assert '"work_done": 0' in second.output
