"""A one-node Kafka in KRaft mode, small enough for a laptop and durable enough for kill -9."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from journalclip_devtools.servers import build, guarded
from journalclip_devtools.servers.process import Server, kept_port, listening
from journalclip_pipelines.operations.topology import OFFSETS_RETENTION
from journalclip_shared.bus.kafka import client_options
from journalclip_shared.errors import PermanentError
from journalclip_shared.settings import KafkaSettings

# 192 MB suffice for a few thousand events a second; the C1 compiler alone halves the start.
_JVM = ["-Xms192m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def start(
    folder: Path, cache: Path, port: int = 0, extra: Mapping[str, str] | None = None, guard: bool = False
) -> tuple[Server, KafkaSettings]:
    """Start (or start again, in the same folder) a broker, with TLS, passwords and rights if ``guard``.

    The settings are those of whoever may do everything. Raises `PermanentError`.
    """
    libs = build.kafka(cache)
    port = port or kept_port(folder, "kafka")
    settings = KafkaSettings(servers=f"127.0.0.1:{port}", reconnect_max_s=1.0)
    if guard:
        settings = guarded.guarded(settings, folder)
    properties = folder / "server.properties"
    classpath = ["java", *_JVM, "-cp", f"{libs}/*"]
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        **_properties(folder, port, kept_port(folder, "controller"), settings.security),
        **(guarded.properties(folder) if guard else {}),
        **(extra or {}),
    }
    made = (folder / "data" / "meta.properties").is_file()
    guarded.private(properties, "".join(f"{name}={value}\n" for name, value in lines.items()))  # ports may be others
    if not made:
        _format(classpath, properties, folder, guarded.format_arguments(folder) if guard else ())
    server = Server("kafka", [*classpath, "kafka.Kafka", str(properties)], folder, lambda: _answers(settings, port))
    server.start()
    return server, settings


def _properties(folder: Path, port: int, controller: int, security: str) -> dict[str, str]:
    ones = ("offsets.topic.replication.factor", "transaction.state.log.replication.factor",
            "transaction.state.log.min.isr", "share.coordinator.state.topic.replication.factor",
            "share.coordinator.state.topic.min.isr")  # fmt: skip
    fours = ("offsets.topic.num.partitions", "transaction.state.log.num.partitions",
             "share.coordinator.state.topic.num.partitions")  # fmt: skip
    return {
        OFFSETS_RETENTION[0]: OFFSETS_RETENTION[1],
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "listeners": f"{security}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"{security}://127.0.0.1:{port}",
        "inter.broker.listener.name": security,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": f"{security}:{security},CONTROLLER:PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "log.cleaner.dedupe.buffer.size": "2097152",  # the default asks for more than the heap
        # A busy machine starves the broker for seconds; with less it is fenced, and topics find no broker at all.
        "broker.session.timeout.ms": "15000",
        **dict.fromkeys(ones, "1"),
        **dict.fromkeys(fours, "4"),
    }


def _format(classpath: list[str], properties: Path, folder: Path, extra: Sequence[str]) -> None:
    tool = [*classpath, "kafka.tools.StorageTool"]
    cluster = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=False).stdout.split()
    command = [*tool, "format", "--standalone", "-t", cluster[-1] if cluster else "", "-c", str(properties), *extra]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode != 0:
        properties.unlink()
        tail = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise PermanentError("server-start-failed", f"kafka: format: {' '.join(tail)}", "Remove its folder.")


def _answers(settings: KafkaSettings, port: int) -> bool:
    if not listening(port):
        return False
    try:
        quick = settings.model_copy(update={"request_timeout_s": 2.0})
        admin = KafkaAdminClient(**client_options(quick))
        admin.list_topics()
        admin.close()
    except KafkaError:
        return False
    return True
