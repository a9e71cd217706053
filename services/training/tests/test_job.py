from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

import pytest

from journalclip_devtools.doubles.squares import freeze_tiny
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import decoded
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import Event, Fact, ModelTrained, TrainingRequested
from journalclip_training import job
from journalclip_training.requests import request


class Trains:
    """A handler whose training costs nothing."""

    group = "training-articles"
    consumes: tuple[type[Fact], ...] = (TrainingRequested,)

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def handle(self, event: Event) -> Iterable[Fact]:
        if self.error is not None:
            raise self.error
        assert isinstance(event.fact, TrainingRequested)
        yield ModelTrained(
            model_id="mdl_1",
            dataset_id=event.fact.dataset_id,
            manifest=event.fact.manifest,
            version="1",
            kind=event.fact.kind,
        )


@pytest.fixture
def argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JOURNALCLIP_WORKDIR", str(tmp_path))
    fact = request(freeze_tiny(LocalArtifacts(tmp_path / "artifacts")), "demo", (), "test")
    return base64.urlsafe_b64encode(fact.model_dump_json().encode()).decode()


def published(folder: Path) -> list[Fact]:
    bus = SqliteBus(folder / "events.db")
    found = [decoded(each).fact for each in bus.read(ModelTrained.topic)]
    bus.close()
    return found


def test_a_run_publishes_what_the_handler_returns(
    argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "build", lambda _settings, _store, _kind: Trains())
    assert job.main([argument]) == 0
    assert job.request_of(argument).dataset_id
    (model,) = published(tmp_path)
    assert isinstance(model, ModelTrained)
    assert model.dataset_id == job.request_of(argument).dataset_id


@pytest.mark.parametrize(("error", "code"), [(PermanentError("no", "no"), 1), (TransientError("later"), 75)])
def test_its_exit_code_says_whether_another_try_may_help(
    argument: str, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr(job, "build", lambda _settings, _store, _kind: Trains(error))
    assert job.main([argument]) == code


@pytest.mark.parametrize("argument", ["", "DATASET", base64.urlsafe_b64encode(b"{}").decode()])
def test_an_argument_that_is_no_request_is_refused(argument: str) -> None:
    with pytest.raises(PermanentError, match="no request"):
        job.request_of(argument)
