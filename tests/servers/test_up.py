"""`journalclip up` in one folder: started, stopped, started again, and after a crash, with what it held before."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from journalclip_devtools.servers import build, kafka
from journalclip_pipelines.operations.bootstrap import bootstrap
from journalclip_shared.bus.kafka import KafkaBus
from journalclip_shared.events import ArticleSubmitted
from journalclip_shared.settings import Settings
from journalclip_shared.testing.facts import events

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]


def test_kafka_starts_again_in_its_folder_also_after_a_crash_and_on_another_port(tmp_path: Path, cache: Path) -> None:
    """Seen failing before: the second start waited for a port that the first had not been given."""
    if (missing := build.missing("kafka", cache)) is not None:
        pytest.skip(missing)
    ports: list[int] = []
    for life in range(4):
        if life == 3:
            taken = socket.create_server(("127.0.0.1", ports[-1]))
        server, settings = kafka.start(tmp_path / "kafka", cache)
        ports.append(int(settings.servers.rpartition(":")[2]))
        try:
            if life == 0:
                bootstrap(Settings(workdir=tmp_path, bus="kafka", kafka=settings))
            bus = KafkaBus(settings)
            bus.publish(events(1))
            assert len(list(bus.read(ArticleSubmitted.topic))) == life + 1
            bus.close()
        finally:
            (server.kill if life == 1 else server.stop)()
    taken.close()
    assert len(set(ports[:3])) == 1, "what was told of the folder's servers still holds"
    assert ports[3] != ports[0]
