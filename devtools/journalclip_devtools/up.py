"""All services as processes of their own on one machine, from settings alone, each started again when it dies.

The servers that settings do not name are started in the working folder (see `servers`), and stopped at the end; those
that they name are used and left alone. A process that ends is started again after a growing pause; on Ctrl-C or SIGTERM
all are asked to end, finish what they have in hand, and then the servers go.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_devtools.servers import Server, build, kafka, minio, mlflow
from journalclip_pipelines.local.workspace import locked
from journalclip_pipelines.operations.bootstrap import announce_objects, bootstrap
from journalclip_shared.errors import PermanentError
from journalclip_shared.names import NOTIFICATIONS, group
from journalclip_shared.settings import Settings
from journalclip_shared.signing import local_keys

Say = Callable[[str], None]

_STEPS = ("extraction", "structuring", "freezing", "training", "promotion")
_SEARCH = {"inference-index": "index", "inference-segments": "segments"}
COMMANDS: dict[str, list[str]] = {
    "catalogue": ["journalclip_catalogue"],
    "intake": ["journalclip_intake"],
    **{group(step, "articles"): [f"journalclip_{step}"] for step in _STEPS},
    **{group(step, "articles"): ["journalclip_inference"] for step in _SEARCH},
    "inference-serve": ["journalclip_inference"],
}
# Started beside them where a hospital's archive is.
STUDY_COMMANDS: dict[str, list[str]] = {
    **{group(step, "studies"): [f"journalclip_{step}"] for step in _STEPS},
    **{group(step, "studies"): ["journalclip_inference"] for step in _SEARCH},
}
_ARTICLES, _STUDIES = {"JOURNALCLIP_KIND": "articles"}, {"JOURNALCLIP_KIND": "studies"}
# Settings that one service has and the others do not, where the machine's environment does not say otherwise.
_OWN: dict[str, dict[str, str]] = {
    **{group(step, "articles"): _ARTICLES for step in _STEPS},
    **{group(step, "articles"): {"JOURNALCLIP_PART": part, **_ARTICLES} for step, part in _SEARCH.items()},
    **{group(step, "studies"): _STUDIES for step in _STEPS},
    **{group(step, "studies"): {"JOURNALCLIP_PART": part, **_STUDIES} for step, part in _SEARCH.items()},
    # It answers on the loopback alone. Half a second is what a reader does not notice where events told it nothing.
    "inference-serve": {"JOURNALCLIP_PART": "serve", "JOURNALCLIP_ANONYMOUS": "true", "JOURNALCLIP_POLL_S": "0.5"},
}
_PAUSE_S, _PAUSE_MAX_S = 0.5, 30.0  # before a service is started again; doubles while it keeps dying
_STEADY_S = 60.0  # a service that ran so long has earned a quick restart
_DRAIN_S = 60.0  # what is in hand may take this long when all are asked to end


@dataclass
class Child:
    """One supervised service."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    pause_s: float = _PAUSE_S
    not_before: float = 0.0
    started: float = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command), env=dict(self.environment), stdout=log, stderr=subprocess.STDOUT
            )
        self.starts += 1
        self.started = time.monotonic()

    def watch(self, say: Say) -> None:
        """Start it, or start it again once its pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.not_before:
                self.start()
        elif (code := self.process.poll()) is not None:
            self.pause_s = _PAUSE_S if now - self.started > _STEADY_S else min(_PAUSE_MAX_S, 2 * self.pause_s)
            self.process, self.not_before = None, now + self.pause_s
            say(f"{self.name} ended with {code}; again in {self.pause_s:.0f} s (its log: {self.log})")


@dataclass
class Supervisor:
    """Keeps the children running until told to stop."""

    children: list[Child]
    say: Say
    servers: Sequence[Server] = ()
    stop: threading.Event = field(default_factory=threading.Event)
    _not_before: float = 0.0

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                for server in self.servers:
                    self._watch(server)
                for child in self.children:
                    child.watch(self.say)
                self.stop.wait(0.2)
        finally:
            self._end()

    def _watch(self, server: Server) -> None:
        """Start a server of ours again that ended; the services wait for it meanwhile."""
        if server.ended and time.monotonic() >= self._not_before:
            self._not_before = time.monotonic() + _PAUSE_MAX_S
            self.say(f"{server.name} ended; it is started again (its log: {server.log})")
            try:
                server.start()
            except PermanentError as error:
                self.say(f"{error}; again in {_PAUSE_MAX_S:.0f} s")

    def _end(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _DRAIN_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def servers(workdir: Path, base: Settings, say: Say) -> Iterator[tuple[Settings, list[Server]]]:
    """Settings that name running servers (those given, and ours for what ``base`` leaves at its local default); ours.

    Raises `PermanentError` ``server-missing`` with what to install.
    """
    cache = build.default_cache()
    ours: list[Server] = []
    with ExitStack() as stack:

        def keep(server: Server) -> None:
            ours.append(server)
            stack.callback(server.stop)

        changes: dict[str, object] = {}
        if base.bus != "kafka":
            say("starting Kafka")
            server, reached = kafka.start(workdir / "kafka", cache)
            keep(server)
            changes |= {"bus": "kafka", "kafka": reached}
        settings = base.model_copy(update=changes)
        bootstrap(settings)
        if base.artifacts != "s3":
            say("starting MinIO")
            topic = settings.kafka.topic_prefix + NOTIFICATIONS
            server, bucket = minio.start(workdir / "minio", cache, notify=settings.kafka, topic=topic)
            keep(server)
            changes |= {"artifacts": "s3", "s3": bucket}
        if not base.mlflow_uri:
            say("starting MLflow")
            server, uri = mlflow.start(workdir / "mlflow")
            keep(server)
            changes |= {"mlflow_uri": uri}
        settings = base.model_copy(update=changes)
        report = bootstrap(settings)
        announce_objects(settings.s3, report)
        say(f"{len(report.made) + len(report.found)} topics and buckets stand")
        yield settings, ours


def environment(settings: Settings, extra: Mapping[str, str]) -> dict[str, str]:
    """What a child is started with: settings and nothing else of ours, over the machine's own environment."""
    given = {
        "JOURNALCLIP_WORKDIR": str(settings.workdir),
        "JOURNALCLIP_BUS": settings.bus,
        "JOURNALCLIP_ARTIFACTS": settings.artifacts,
        "JOURNALCLIP_KAFKA": settings.kafka.model_dump_json(),
        "JOURNALCLIP_S3": settings.s3.model_dump_json(),
        "JOURNALCLIP_MLFLOW_URI": settings.mlflow_uri,
        "JOURNALCLIP_CATALOGUE_URL": settings.catalogue_url,
        "JOURNALCLIP_LOG_JSON": str(settings.log_json),
    }
    return {**_keys(settings), **os.environ, **given, **extra}


def _keys(settings: Settings) -> dict[str, str]:
    """Keys of this folder, where the machine's environment names no others: training signs, promotion verifies."""
    keys = local_keys(settings.workdir / "keys")
    return {"JOURNALCLIP_SIGNING_KEY_FILE": str(keys.signing), "JOURNALCLIP_VERIFY_KEY_FILE": str(keys.verify)}


def children(
    settings: Settings, names: Sequence[str], extra: Mapping[str, str], metrics: Mapping[str, int] | None = None
) -> list[Child]:
    """The services of those names; ``metrics`` gives each its own port for Prometheus (none: no metrics)."""
    logs = settings.workdir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    found = []
    for name in names:
        own = {key: os.environ.get(key, value) for key, value in _OWN.get(name, {}).items()}
        port = {"JOURNALCLIP_METRICS_PORT": str((metrics or {}).get(name, 0))}
        given = environment(settings, {**own, **port, **extra})
        found.append(
            Child(name, [sys.executable, "-m", *{**COMMANDS, **STUDY_COMMANDS}[name]], given, logs / f"{name}.log")
        )
    return found


def up(
    workdir: Path, base: Settings, names: Sequence[str], extra: Mapping[str, str], say: Say, metrics_from: int = 0
) -> None:
    """Run until SIGINT or SIGTERM; with ``metrics_from`` the services' metrics are on that port and the following."""
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    with held(workdir), servers(workdir, base, say) as (settings, ours):
        (workdir / "cluster.env").write_text(env_file(settings))
        say(f"settings for other commands: set -a; . {workdir / 'cluster.env'}")
        ports = {name: metrics_from + number for number, name in enumerate(names)} if metrics_from else {}
        running = children(settings, names, extra, ports)
        for name, port in ports.items():
            say(f"metrics of {name}: http://127.0.0.1:{port}/metrics")
        say(f"services: {', '.join(names)}; drop PDFs into articles/issues/ or run `journalclip submit DIR`")
        Supervisor(running, say, ours, stop).run()


def held(workdir: Path) -> AbstractContextManager[None]:
    """One `up` a folder. Raises `PermanentError` ``workdir-busy`` when it is entered."""
    busy = f"`journalclip up` runs in {workdir} already"
    return locked(workdir / "up.lock", busy, "Stop it, or take another --workdir.")


def env_file(settings: Settings) -> str:
    """The settings as a file that a shell can read."""
    mine = {name: value for name, value in environment(settings, {}).items() if name.startswith("JOURNALCLIP_")}
    return "".join(f"{name}='{value}'\n" for name, value in sorted(mine.items()))
