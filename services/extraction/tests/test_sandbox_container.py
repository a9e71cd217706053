"""The parser in a container of its own: the same promises over a socket, by a process that is not our child."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_sources.sandbox import Limits

READER = "journalclip_devtools.doubles.readers:read"


class Container:
    """What a pod would start beside the service."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "journalclip_extraction.parser", str(self.path), READER]
        self.process = subprocess.Popen(command, env={**os.environ, "SECRET": "hunter2"})

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    made = Container(tmp_path_factory.mktemp("parser") / "socket")
    yield made
    made.stop()


def ask(sandbox: Sandbox, deed: str) -> str:
    return sandbox.read(deed.encode(), ExtractOptions()).articles[0].facts.title.value or ""


def test_articles_are_read_and_hostile_ones_cost_only_themselves(container: Container) -> None:
    with Sandbox(Limits(wall_s=1.0, cpu_s=1), container=container.path) as sandbox:
        assert ask(sandbox, "echo Head CT") == "Head CT"
        result = sandbox.run(b"hang", ExtractOptions()).result
        assert isinstance(result, PermanentError)
        assert result.code == "parse-timeout"
        assert ask(sandbox, "echo next") == "next"
        assert sandbox.zygote is None  # it is nobody's child here


def test_it_sees_neither_its_containers_environment_nor_files(container: Container, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2")
    with Sandbox(container=container.path) as sandbox:
        assert "SECRET" not in ask(sandbox, "environment")
        if sandbox.confinement["landlock"]:
            assert "hunter2" not in ask(sandbox, f"open {secret}")


def test_a_service_that_starts_again_finds_it_ready(container: Container) -> None:
    for word in ("one", "two"):
        with Sandbox(container=container.path) as sandbox:
            assert ask(sandbox, f"echo {word}") == word


def test_a_container_that_starts_again_is_reached_again(tmp_path: Path) -> None:
    container = Container(tmp_path / "socket")
    with Sandbox(container=container.path) as sandbox:
        assert ask(sandbox, "echo start") == "start"
        threading.Timer(0.3, container.stop, (signal.SIGKILL,)).start()
        with pytest.raises(TransientError):
            ask(sandbox, "hang")
        container.process.wait(60)
        container.start()
        assert ask(sandbox, "echo back") == "back"
    assert container.stop() == 0


def test_the_service_waits_for_a_container_that_is_still_starting(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    found: list[str] = []

    def service() -> None:
        with Sandbox(container=path) as sandbox:
            found.append(ask(sandbox, "echo early"))

    waiting = threading.Thread(target=service)
    waiting.start()
    time.sleep(0.3)
    container = Container(path)
    waiting.join(120)
    container.stop()
    assert found == ["early"]


def test_a_container_that_never_comes_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journalclip_sources.sandbox.pool._START_S", 0.1)
    with Sandbox(container=tmp_path / "socket") as sandbox, pytest.raises(TransientError, match="does not answer"):
        ask(sandbox, "echo")
