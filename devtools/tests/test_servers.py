"""Starting processes: ready means answering, stopping is by id, and what is missing is said in one sentence."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest

from journalclip_devtools.servers import Server, build, free_port
from journalclip_devtools.servers.process import kept_port, listening
from journalclip_devtools.up import Child, Supervisor, children, env_file, environment, held
from journalclip_shared.errors import PermanentError
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings


def serving(tmp_path: Path, port: int) -> Server:
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    return Server("web", command, tmp_path, lambda: listening(port))


def test_a_server_is_ready_when_it_answers_and_gone_when_stopped(tmp_path: Path) -> None:
    port = free_port()
    server = serving(tmp_path, port)
    server.start()
    assert listening(port)
    server.freeze()
    server.thaw()
    server.stop()
    assert not listening(port)
    server.start()
    server.kill()
    assert not listening(port)
    server.stop()  # nothing runs: nothing to do
    server.kill()


def test_a_folder_keeps_its_port_unless_another_has_taken_it(tmp_path: Path) -> None:
    port = kept_port(tmp_path / "web", "web")
    assert kept_port(tmp_path / "web", "web") == port
    assert kept_port(tmp_path / "web", "other") != port
    (tmp_path / "web" / "web.port").write_text("")  # as a crash may leave it
    port = kept_port(tmp_path / "web", "web")
    with socket.create_server(("127.0.0.1", port)):
        assert kept_port(tmp_path / "web", "web") != port


def test_a_folder_has_one_up(tmp_path: Path) -> None:
    with held(tmp_path / "new"), pytest.raises(PermanentError) as refused, held(tmp_path / "new"):
        pass
    assert refused.value.code == "workdir-busy"
    with held(tmp_path / "new"):
        pass


def test_a_server_of_ours_that_dies_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    server = serving(tmp_path, port)
    server.start()
    assert server.process is not None
    first = server.process.pid
    server.process.kill()
    server.process.wait()
    said: list[str] = []
    supervisor = Supervisor([], said.append, [server])

    def tell(message: str) -> None:
        said.append(message)
        supervisor.stop.set()

    supervisor.say = tell
    supervisor.run()
    assert "web ended" in said[0]
    assert listening(port)
    assert server.process is not None
    assert server.process.pid != first
    server.stop()
    assert not server.ended


def test_a_server_that_ends_at_once_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = Server("sad", [sys.executable, "-c", "raise SystemExit('no disk')"], tmp_path, lambda: False)
    with pytest.raises(PermanentError, match="no disk") as told:
        server.start()
    assert told.value.code == "server-start-failed"


@pytest.mark.parametrize(("which", "tool"), [("kafka", "Java"), ("minio", "Go"), ("toxiproxy", "Go")])
def test_a_missing_tool_is_one_sentence(which: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    said = build.missing(which, tmp_path)
    assert said is not None
    assert tool in said
    assert said.count(".") == 1
    with pytest.raises(PermanentError) as refused:
        build.kafka(tmp_path) if which == "kafka" else build.binary(which, tmp_path)
    assert refused.value.code == "server-missing"


def test_what_was_built_is_taken_and_a_failed_build_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(build, "_MODULES", {"minio": "example.invalid/none@v1"})

    def fail(which: str, command: list[str], extra: object) -> None:
        raise PermanentError("server-build-failed", which)

    monkeypatch.setattr(build, "run", fail)
    with pytest.raises(PermanentError, match="server-build-failed"):
        build.binary("minio", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".minio.lock"]
    (tmp_path / "minio-v1").mkdir()
    (tmp_path / "minio-v1" / "minio").touch()
    assert build.binary("minio", tmp_path) == tmp_path / "minio-v1" / "minio"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert build.missing("minio", tmp_path) is None


def test_a_failing_build_tool_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no such module"):
        build.run("minio", [sys.executable, "-c", "import sys; sys.exit('no such module')"], {})


def test_children_are_given_settings_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    settings = Settings(
        workdir=tmp_path,
        bus="kafka",
        artifacts="s3",
        kafka=KafkaSettings(servers="k:1"),
        s3=S3Settings(endpoint="s:2", access_key_file=secret, secret_key_file=secret),
    )
    given = environment(settings, {"JOURNALCLIP_DRAIN": "1"})
    assert "hunter2" not in str(given)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings.model_copy(update={"drain": True})
    assert "JOURNALCLIP_BUS='kafka'\n" in env_file(settings)
    started = children(settings, ["extraction-articles", "intake"], {})
    assert [child.command[-1] for child in started] == ["journalclip_extraction", "journalclip_intake"]


def test_a_child_that_dies_is_started_again_after_a_pause_and_ended_with_the_rest(tmp_path: Path) -> None:
    said: list[str] = []
    dying = Child("dying", [sys.executable, "-c", "raise SystemExit(75)"], {}, tmp_path / "dying.log", pause_s=0.05)
    staying = Child("staying", [sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path / "staying.log")
    supervisor = Supervisor([dying, staying], said.append)

    def tell(message: str) -> None:
        said.append(message)
        if len(said) == 2:
            supervisor.stop.set()

    supervisor.say = tell
    supervisor.run()
    assert "dying ended with 75" in said[0]
    assert dying.starts == 2
    assert staying.process is not None
    assert staying.process.returncode == -15
