from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_intake.articles import submit
from journalclip_pipelines.kinds import source_kind
from journalclip_pipelines.operations.status import counts, quarantined, source_states
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.events import Event, FiguresExtracted, PairsStructured, SourceQuarantined


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


def test_the_last_event_decides_an_articles_state(tmp_path: Path, store: LocalArtifacts, bus: SqliteBus) -> None:
    good, bad, fresh = (submit(store, bus, pdf(tmp_path, f"{n}.pdf", n.encode())) for n in ("good", "bad", "fresh"))
    ref = store.put("figures", b"{}", "application/json")
    bad_news = SourceQuarantined(source_id=bad.article_id, stage="extraction", code="pdf-invalid", reason="no")
    bus.publish(
        [
            Event(FiguresExtracted(article_id=good.article_id, document=ref, figures=2, panels=0), "t"),
            Event(PairsStructured(article_id=good.article_id, document=ref, pairs=2), "t"),
            Event(bad_news, "t"),
            Event(SourceQuarantined(source_id="ds_x", stage="training", code="dataset-too-small", reason="no"), "t"),
        ]
    )
    states = {state.source_id: state for state in source_states(bus.read, source_kind("articles"))}
    assert states[good.article_id].state == "structured"
    assert states[good.article_id].pairs == 2
    assert states[bad.article_id].code == "pdf-invalid"
    assert states[fresh.article_id].state == "submitted"
    assert counts(states.values()) == {"structured": 1, "quarantined": 1, "submitted": 1}
    assert [each.source_id for each in quarantined(bus.read)] == [bad.article_id, "ds_x"]
    bus.publish([Event(FiguresExtracted(article_id=bad.article_id, document=ref, figures=1, panels=0), "t")])
    assert {state.state for state in source_states(bus.read, source_kind("articles"))} == {
        "structured",
        "extracted",
        "submitted",
    }
