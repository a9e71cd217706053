from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import event
from typer.testing import CliRunner

from journalclip_devtools.faults.chain import STAGES, Chain
from journalclip_intake.articles import submit
from journalclip_pipelines.cli import app
from journalclip_pipelines.operations.catalogue import opened
from journalclip_pipelines.operations.pages import LocalOperations
from journalclip_pipelines.operations.repair import letters as dead_letters
from journalclip_pipelines.operations.status import counts, quarantined, source_states
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, SourceQuarantined
from journalclip_shared.testing.memory import MemoryRegistry
from journalclip_shared.withdrawals import Withdrawals

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """One article structured, one in quarantine, one just submitted; a dataset that could not be trained on."""
    made = Chain(SqliteBus(tmp_path / "events.db"), LocalArtifacts(tmp_path / "artifacts"), MemoryRegistry())
    submit(made.store, made.bus, made.drop(tmp_path, 1))
    submit(made.store, made.bus, made.drop(tmp_path, 2, figures=0))
    for stage in STAGES[:2]:
        Loop(made.bus, made.handler(stage), QUICK).drain()
    submit(made.store, made.bus, made.drop(tmp_path, 3))
    lost = SourceQuarantined(source_id="ds_x", stage="training-articles", code="dataset-too-small", reason="no")
    made.bus.publish([Event(lost, "test")])
    return made


def test_every_source_has_one_state_by_the_catalogue(chain: Chain, tmp_path: Path) -> None:
    there = opened(tmp_path)
    states = {state.name: state for state in source_states(there.catalogue, "articles")}
    assert {name: (each.state, each.items, each.extracted, each.pairs) for name, each in states.items()} == {
        "issue-1.pdf": ("structured", 1, 2, 2),
        "issue-2.pdf": ("quarantined", 0, 0, 0),
        "issue-3.pdf": ("submitted", 0, 0, 0),
    }
    assert counts(states.values()) == {"structured": 1, "quarantined": 1, "submitted": 1}
    assert [(each.kind, each.code) for each in quarantined(there.catalogue)] == [
        ("articles", "no-figures"),
        (None, "dataset-too-small"),
    ]
    assert there.behind == 0


def test_commands_answer_and_say_how_far_behind_a_catalogue_elsewhere_is(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(app, [*words, "--workdir", str(tmp_path), "--json"], catch_exceptions=False)
        found: dict[str, object] = json.loads(done.stdout)
        return found

    here = asked("status")
    assert (here["counts"], here["behind"]) == ({"structured": 1, "quarantined": 1, "submitted": 1}, 0)
    assert len(list(asked("quarantine", "list")["quarantined"])) == 2  # type: ignore[call-overload]
    monkeypatch.setenv("JOURNALCLIP_CATALOGUE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    elsewhere = asked("status")  # a service projects it, and none has yet
    assert elsewhere["counts"] == {}
    assert isinstance(elsewhere["behind"], int)
    assert elsewhere["behind"] > 0


def test_a_status_costs_as_many_statements_as_pages(chain: Chain, tmp_path: Path) -> None:
    there = opened(tmp_path)
    statements: list[str] = []
    event.listen(there.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: statements.append(statement))
    source_states(Catalogue(there.engine), "articles")
    assert len([each for each in statements if each.lower().startswith("select")]) <= 4


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as refused:
        opened(tmp_path / "nowhere")
    assert refused.value.code == "workdir-missing"


def test_the_operators_page_shows_the_same_and_goes_on_by_id(chain: Chain, tmp_path: Path) -> None:
    pages = LocalOperations(tmp_path)
    found = pages.sources("", "", 2)
    assert found.counts == {"structured": 1, "quarantined": 1, "submitted": 1}
    rest = pages.sources("", found.next or "", 2)
    assert rest.next is None
    names = [each.name for each in (*found.sources, *rest.sources)]
    assert sorted(names) == ["issue-1.pdf", "issue-2.pdf", "issue-3.pdf"]
    (refused,) = pages.sources("quarantined", "", 50).sources
    assert (refused.code, bool(refused.reason), bool(refused.remedy)) == ("no-figures", True, True)
    assert pages.models() == []
    assert pages.datasets() == []


def test_the_operators_page_replays_the_letters_of_one_source_once(chain: Chain, tmp_path: Path) -> None:
    pages = LocalOperations(tmp_path)
    letters = {each.delivery.key for each in dead_letters(chain.bus)}
    for source in letters:
        assert source in pages.replay(source)
        with pytest.raises(PermanentError) as refused:
            pages.replay(source)
        assert refused.value.code == "nothing-to-replay"
    with pytest.raises(PermanentError):
        pages.replay("sub_unknown")


def test_the_operators_page_withdraws_in_the_callers_name(chain: Chain, tmp_path: Path) -> None:
    pages = LocalOperations(tmp_path)
    (source,) = pages.sources("structured", "", 50).sources
    assert "is withdrawn (retraction)" in pages.withdraw(source.source_id, "retraction", "ada", "the notice")
    (word,) = Withdrawals(chain.store).documents()
    assert (word.who, word.note) == ("ada", "the notice")
