"""Both buses that need no server pass the contract; the SQLite file's own promises are tested beside it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from journalclip_shared.bus import Bus, dead_letter_topic
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import TransientError
from journalclip_shared.events import PairsStructured
from journalclip_shared.testing.bus import TOPIC, BusContract, names, receive
from journalclip_shared.testing.facts import events
from journalclip_shared.testing.memory import MemoryBus


class TestSqliteBus(BusContract):
    several_members = False

    @pytest.fixture
    def bus(self, tmp_path: Path) -> Bus:
        return SqliteBus(tmp_path / "deep" / "log.sqlite")


class TestMemoryBus(BusContract):
    @pytest.fixture
    def bus(self) -> Bus:
        return MemoryBus()


def test_a_dead_letter_topic_has_no_dead_letters_of_its_own() -> None:
    assert dead_letter_topic("a.v1") == "a.v1.dlq" == dead_letter_topic("a.v1.dlq")


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_the_whole_topic_can_be_read_outside_any_group(kind: str, tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "log") if kind == "sqlite" else MemoryBus()
    bus.publish(events(5))
    assert len(list(bus.read(TOPIC))) == 5
    assert list(bus.read(PairsStructured.topic)) == []
    bus.close()


def test_sqlite_appends_the_same_fact_once(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "log")
    bus.publish(events(3))
    bus.publish(events(4))
    assert names(list(bus.read(TOPIC))) == [f"issue-{n}.pdf" for n in range(4)]


def test_a_busy_topic_does_not_starve_the_other(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "log")
    bus.publish(events(10))
    pairs = PairsStructured(article_id="art", document=events(1)[0].fact.pdf, pairs=1)  # type: ignore[attr-defined]
    bus.publish([type(events(1)[0])(pairs, "test")])
    consumer = bus.consumer([TOPIC, PairsStructured.topic], "g")
    assert {each.topic for each in consumer.poll(0, 2) + consumer.poll(0, 2)} == {TOPIC, PairsStructured.topic}


def test_an_idle_poll_sees_what_comes_meanwhile(tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "log")
    consumer = bus.consumer([TOPIC], "g")
    timer = threading.Timer(0.1, bus.publish, [events(1)])
    timer.start()
    assert len(receive(consumer, 1)) == 1
    timer.join()


def test_a_locked_file_is_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journalclip_shared.bus.sqlite._BUSY_S", 0.01)
    bus = SqliteBus(tmp_path / "log")
    other = sqlite3.connect(tmp_path / "log")
    other.execute("begin immediate")
    with pytest.raises(TransientError, match="locked"):
        bus.publish(events(1))
    other.rollback()
    bus.publish(events(1))
    assert len(list(bus.read(TOPIC))) == 1


_WRITER = """
import sys
from pathlib import Path
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.testing.facts import events
bus = SqliteBus(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 50):
    bus.publish(events(1, start=number))
"""


def test_several_processes_may_publish_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, path, str(start)]) for start in (0, 1000)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(list(SqliteBus(tmp_path / "log").read(TOPIC))) == 100
