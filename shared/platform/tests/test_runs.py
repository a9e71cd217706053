from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from journalclip_shared.errors import TransientError
from journalclip_shared.runs import MlflowRuns, NullRuns


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sqlite store; its tables take seconds to make, so the module shares one."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def client(uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=uri)


def files_below(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file() and path.suffix != ".db"}


def test_files_go_to_the_run_and_replace_what_was_there(uri: str, client: MlflowClient, tmp_path: Path) -> None:
    run = client.create_run(client.create_experiment("placed", artifact_location=str(tmp_path))).info.run_id
    runs = MlflowRuns(uri)
    for text in ("one", "two"):
        assert runs.attach(run, "mdl_a", {"promotion/1/report.html": text.encode()}) == run
    assert files_below(tmp_path) == {"report.html": "two"}
    assert [each.path for each in client.list_artifacts(run, "promotion/1")] == ["promotion/1/report.html"]


def test_nothing_is_written_below_the_folder_someone_stands_in(
    uri: str, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    placeless = client.create_run(client.create_experiment("placeless")).info.run_id
    runs = MlflowRuns(uri)
    own = runs.attach(placeless, "mdl_b", {"report.html": b"here"})
    assert own != placeless
    assert list(tmp_path.iterdir()) == []
    store = Path(uri.removeprefix("sqlite:///")).parent
    assert files_below(store / "mlartifacts") == {"report.html": "here"}
    assert runs.attach("", "mdl_b", {"card.md": b"card"}) == own  # found again, also for a model without a run
    assert runs.attach("0" * 32, "mdl_b", {"card.md": b"card"}) == own


def test_curves_by_step_and_only_what_was_logged(uri: str, client: MlflowClient) -> None:
    run = client.create_run(client.create_experiment("curves")).info.run_id
    for step, value in ((2, 0.5), (1, 0.8), (1, 0.8)):  # a resumed run logs a step again, and it is the same
        client.log_metric(run, "loss", value, timestamp=0, step=step)
    assert MlflowRuns(uri).curves(run, ["loss", "lr"]) == {"loss": [(1, 0.8), (2, 0.5)]}
    assert MlflowRuns(uri).curves("", ["loss"]) == {}
    assert NullRuns().curves(run, ["loss"]) == {}
    assert NullRuns().attach(run, "mdl_a", {}) == run


def test_unreachable_tracker_is_transient(
    uri: str, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = client.create_run(client.create_experiment("full", artifact_location=str(tmp_path))).info.run_id

    def full(*_: object) -> None:
        raise OSError("no space left")

    runs = MlflowRuns(uri)
    monkeypatch.setattr(MlflowClient, "log_artifacts", full)
    with pytest.raises(TransientError, match="no space"):
        runs.attach(run, "mdl_a", {"a": b""})
    monkeypatch.setattr(MlflowClient, "get_run", full)
    with pytest.raises(TransientError, match="no space"):
        runs.curves(run, ["loss"])
