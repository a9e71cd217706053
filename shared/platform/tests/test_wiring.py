"""Settings choose the clients; a service process ends as its docstring says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from journalclip_shared import failpoints
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.artifacts.s3 import S3Artifacts
from journalclip_shared.bus import Bus, Consumer
from journalclip_shared.bus.kafka import KafkaBus, client_options
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.events import ArticleSubmitted, Event, Fact
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings
from journalclip_shared.testing.facts import events
from journalclip_shared.wiring import main, open_artifacts, open_bus, serve


class Counting:
    group = "counting"
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted,)

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self._error = error

    def handle(self, event: Event) -> list[Fact]:
        self.count += 1
        if self._error:
            raise self._error
        return []


def build(handler: Counting) -> Callable[[ArtifactStore, Bus], Counting]:
    return lambda _store, _bus: handler


def secrets(tmp_path: Path) -> S3Settings:
    for name in ("access", "secret"):
        (tmp_path / name).write_text(f"{name}\n")
    return S3Settings(access_key_file=tmp_path / "access", secret_key_file=tmp_path / "secret", tls=False)


def test_settings_choose_the_clients(tmp_path: Path) -> None:
    local = Settings(workdir=tmp_path)
    assert isinstance(open_bus(local), SqliteBus)
    assert isinstance(open_artifacts(local), LocalArtifacts)
    assert local.registry_uri == f"sqlite:///{tmp_path.resolve()}/mlflow.db"
    cluster = Settings(bus="kafka", artifacts="s3", s3=secrets(tmp_path), mlflow_uri="http://mlflow:5000")
    assert isinstance(open_bus(cluster), KafkaBus)  # no connection before it is used
    assert isinstance(open_artifacts(cluster), S3Artifacts)
    assert cluster.registry_uri == "http://mlflow:5000"


def test_settings_come_from_the_environment_and_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNALCLIP_BUS", "kafka")
    monkeypatch.setenv("JOURNALCLIP_KAFKA__SERVERS", "a:1,b:2")
    settings = Settings()
    assert (settings.bus, settings.kafka.servers) == ("kafka", "a:1,b:2")
    with pytest.raises(ValidationError):
        settings.bus = "sqlite"  # type: ignore[misc]
    monkeypatch.setenv("JOURNALCLIP_BUS", "carrier-pigeon")
    with pytest.raises(ValidationError):
        Settings()


def test_secrets_are_files_and_a_missing_one_says_which_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no S3 credential") as refused:
        open_artifacts(Settings(artifacts="s3"))
    assert "JOURNALCLIP_S3__ACCESS_KEY_FILE" in refused.value.remedy
    sasl = KafkaSettings(security="SASL_SSL", username="svc", password_file=tmp_path / "none")
    with pytest.raises(ConfigurationError, match="no Kafka password"):
        client_options(sasl)
    (tmp_path / "password").write_text("s3cret\n")
    ca = tmp_path / "ca.pem"
    options = client_options(sasl.model_copy(update={"password_file": tmp_path / "password", "ca_file": ca}))
    assert options["sasl_plain_password"] == "s3cret"
    assert options["ssl_cafile"] == str(ca)
    assert "ssl_keyfile" not in options


def test_a_drain_ends_with_zero(tmp_path: Path) -> None:
    settings = Settings(workdir=tmp_path, drain=True)
    open_bus(settings).publish(events(5))
    handler = Counting()
    assert serve(settings, build(handler)) == 0
    assert handler.count == 5


def test_a_world_that_stays_unwell_asks_for_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(workdir=tmp_path, drain=True)
    open_bus(settings).publish(events(1))

    def refuse(self: SqliteBus, topics: object, group: str) -> None:
        raise TransientError("locked")

    monkeypatch.setattr(SqliteBus, "consumer", refuse)
    assert serve(settings, build(Counting())) == os.EX_TEMPFAIL


def test_a_bus_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journalclip_shared.repeat.PAUSE_S", 0.001)
    settings, stop = Settings(workdir=tmp_path), threading.Event()
    open_bus(settings).publish(events(3))
    real, tries = SqliteBus.consumer, 0

    def away(self: SqliteBus, topics: Sequence[str], group: str) -> Consumer:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise TransientError("Kafka: NoBrokersAvailable", "bus")
        return real(self, topics, group)

    class Last(Counting):
        def handle(self, event: Event) -> list[Fact]:
            facts = super().handle(event)
            if self.count == 3:
                stop.set()
            return facts

    monkeypatch.setattr(SqliteBus, "consumer", away)
    handler = Last()
    assert serve(settings, build(handler), stop) == 0
    assert (tries, handler.count) == (4, 3), "one process, and each event once"


def test_another_dependency_that_ends_the_loop_is_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: SqliteBus, topics: object, group: str) -> None:
        raise TransientError("no answer", "store")

    monkeypatch.setattr(SqliteBus, "consumer", refuse)
    assert serve(Settings(workdir=tmp_path), build(Counting()), threading.Event()) == os.EX_TEMPFAIL


def test_a_missing_secret_ends_with_one(tmp_path: Path) -> None:
    assert serve(Settings(workdir=tmp_path, artifacts="s3", drain=True), build(Counting())) == 1
    with pytest.raises(SystemExit) as ended:
        main(Settings(workdir=tmp_path, fail_points="nowhere=kill"), build(Counting()))
    assert ended.value.code == 1


def test_a_bug_is_a_traceback(tmp_path: Path) -> None:
    settings = Settings(workdir=tmp_path, drain=True)
    open_bus(settings).publish(events(1))
    with pytest.raises(ZeroDivisionError):
        serve(settings, build(Counting(ZeroDivisionError())))


def test_fail_points_are_armed_from_settings(tmp_path: Path) -> None:
    settings = Settings(workdir=tmp_path, drain=True, fail_points="consume.polled=crash")
    open_bus(settings).publish(events(1))
    with pytest.raises(failpoints.SimulatedCrash):
        serve(settings, build(Counting()))


_SERVICE = """
import sys
from pathlib import Path
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import main
from journalclip_shared.events import ArticleSubmitted
class Handler:
    group = "counting"; consumes = (ArticleSubmitted,)
    def handle(self, event):
        print("handled", flush=True)
        return []
main(Settings(), lambda store, bus: Handler())
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_serving_process_gracefully(tmp_path: Path, sign: signal.Signals) -> None:
    settings = Settings(workdir=tmp_path)
    open_bus(settings).publish(events(1))
    environment = {**os.environ, "JOURNALCLIP_WORKDIR": str(tmp_path), "JOURNALCLIP_LOG_JSON": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVICE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "handled\n"
    process.send_signal(sign)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "stopped after 1 deliveries" in said
    consumer = open_bus(settings).consumer([ArticleSubmitted.topic], "counting")
    assert consumer.lag() == 0
