"""What the consume loop costs on Kafka: a backlog drained by it and by a bare kafka-python loop, in one run.

Both read the same topic by the same client, each in a process of its own, one after the other. The bare loop has the
client's own fetch sizes, polls and commits, and does nothing else; ours decodes and validates every event, keeps order
by key, hands it to a handler, and is stopped three times on the way (twice by SIGTERM, once by SIGKILL). Rates count
the time from a process's first delivery to its last, so that starting Python and joining a group favour neither.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from journalclip_devtools.servers import build, kafka
from journalclip_pipelines.operations.bootstrap import Report, make_topics
from journalclip_pipelines.operations.topology import Topic
from journalclip_pipelines.progress import JsonReporter, Reporter, StageProgress
from journalclip_shared.artifacts import blob_ref
from journalclip_shared.bus import Record
from journalclip_shared.bus.kafka import KafkaBus
from journalclip_shared.consume import Handler, Loop
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import (
    ArticleSubmitted,
    Event,
    Fact,
    FiguresExtracted,
    PairsStructured,
    SourceQuarantined,
    encode,
)
from journalclip_shared.ids import Json, article_id, sha256_hex
from journalclip_shared.settings import KafkaSettings

_PARTITIONS = 4
_RESTARTS = 3
_SESSION_S = 6.0  # the broker's minimum by default: after SIGKILL the group waits this long for the dead member
_CHAIN = (ArticleSubmitted.topic, FiguresExtracted.topic, PairsStructured.topic, SourceQuarantined.topic)


@dataclass(frozen=True)
class Score:
    """What was measured; rates in events a second, memory in MiB of resident set."""

    events: int
    events_per_s: float
    bare_events_per_s: float
    ratio: float
    overhead_p50_s: float
    overhead_p95_s: float
    restarts: int
    lost: int
    lag_monotone: bool
    memory_mib: tuple[float, float]
    memory_spread: float

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


@dataclass(frozen=True)
class Stretch:
    """One process's work: how many events in how many seconds."""

    events: int
    seconds: float


def bench(
    events: int, latencies: int, settings: KafkaSettings | None = None, reporter: Reporter | None = None
) -> Score:
    """Measure on the broker that ``settings`` name, or on one of our own. Raises `PermanentError` where neither is."""
    reporter = reporter or JsonReporter()
    with _broker(settings) as broker, tempfile.TemporaryDirectory(prefix="journalclip-bench-") as name:
        run = broker.model_copy(update={"topic_prefix": f"bench{os.getpid()}.", "session_timeout_s": _SESSION_S})
        make_topics(run, [Topic(topic, _PARTITIONS, "-1") for topic in _CHAIN], Report())
        with reporter.stage("time single events", latencies) as progress:
            overhead = sorted(chain_latencies(run, latencies))
            progress.update(latencies, latencies, f"median {statistics.median(overhead):.3f} s")
        with reporter.stage("fill the log", events) as progress:
            _fill(run, events, progress)
        with reporter.stage("drain, bare", events) as progress:
            bare = _child("bare", run, Path(name), events)
            progress.update(events, events, f"{bare.events / bare.seconds:.0f}/s")
        with reporter.stage("drain, ours", events) as progress:
            drained = _Drain(run, Path(name), events, progress).go()
        rate = sum(each.events for each in drained.stretches) / sum(each.seconds for each in drained.stretches)
        low, high = drained.memory
        return Score(
            events=events,
            events_per_s=round(rate, 1),
            bare_events_per_s=round(bare.events / bare.seconds, 1),
            ratio=round(rate / (bare.events / bare.seconds), 3),
            overhead_p50_s=round(statistics.median(overhead), 4),
            overhead_p95_s=round(overhead[int(0.95 * (len(overhead) - 1))], 4),
            restarts=drained.restarts,
            lost=drained.lost,
            lag_monotone=drained.monotone,
            memory_mib=(round(low, 1), round(high, 1)),
            memory_spread=round((high - low) / (high + low), 4),
        )


@contextmanager
def _broker(settings: KafkaSettings | None) -> Iterator[KafkaSettings]:
    if settings is not None:
        yield settings
        return
    cache = build.default_cache()
    if (said := build.missing("kafka", cache)) is not None:
        raise PermanentError("server-missing", said, "Or give --servers HOST:PORT.")
    with tempfile.TemporaryDirectory(prefix="journalclip-kafka-") as folder:
        server, started = kafka.start(Path(folder), cache)
        try:
            yield started
        finally:
            server.stop()


def submission(number: int) -> ArticleSubmitted:
    """A small event that carries its number in its name."""
    ref = blob_ref("articles", sha256_hex(number.to_bytes(8, "big")), 8, "application/pdf")
    return ArticleSubmitted(article_id=article_id(ref.sha256), pdf=ref, name=f"{number}.pdf")


def _fill(settings: KafkaSettings, events: int, progress: StageProgress) -> None:
    bus = KafkaBus(settings)
    for start in range(0, events, 5000):
        facts = [submission(number) for number in range(start, min(start + 5000, events))]
        bus.publish_raw([Record(fact.topic, fact.key, *encode(Event(fact, "bench"))) for fact in facts])
        progress.update(start + len(facts), events)
    bus.close()


class _Drain:
    """Our loop over the backlog, stopped and started again, watched from outside."""

    def __init__(self, settings: KafkaSettings, folder: Path, events: int, progress: StageProgress) -> None:
        self._settings, self._folder, self._events, self._progress = settings, folder, events, progress
        self._seen = folder / "seen"
        self._seen.write_bytes(bytes(events))
        self.stretches: list[Stretch] = []
        self.restarts = 0
        self.lost = events
        self.monotone = True
        self.memory = (0.0, 0.0)

    def go(self) -> _Drain:
        stops = [0.2 + 0.2 * number for number in range(_RESTARTS)]
        signals = [signal.SIGTERM, signal.SIGKILL, signal.SIGTERM]
        lags: list[int] = []
        while True:
            process = _start("ours", self._settings, self._folder, self._events)
            stop_at = stops[self.restarts] if self.restarts < _RESTARTS else None
            self._watch(process, stop_at, signals[self.restarts % len(signals)], lags)
            self.stretches += _read_stretch(self._folder)
            if stop_at is None:
                break
            self.restarts += 1
        self.monotone = all(later <= earlier for earlier, later in itertools.pairwise(lags))
        self.lost = self._seen.read_bytes().count(0)
        return self

    def _watch(
        self, process: subprocess.Popen[bytes], stop_at: float | None, how: signal.Signals, lags: list[int]
    ) -> None:
        resident: list[float] = []
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            progress = json.loads(_text(self._folder / "progress") or '{"lag": null, "handled": 0}')
            if progress["lag"] is not None:
                lags.append(progress["lag"])
            done = self._events - self._seen.read_bytes().count(0)
            if progress["handled"]:
                resident.append(_resident(watched))
            self._progress.update(done, self._events, f"{resident[-1]:.0f} MiB" if resident else "")
            if stop_at is not None and done >= stop_at * self._events:
                process.send_signal(how)
                stop_at = None
            time.sleep(0.25)
        (self._folder / "progress").unlink(missing_ok=True)
        if process.returncode not in (0, -how):
            raise PermanentError(
                "bench-failed", f"the loop ended with {process.returncode}", "Run it with fewer events."
            )
        warm = [each for each in resident[len(resident) // 4 :] if each]  # the first quarter fills caches and buffers
        if warm and (not self.memory[1] or len(resident) > 8):  # a stretch cut short has hardly been warm
            low, high = self.memory
            self.memory = (min(low or warm[0], *warm), max(high, *warm))


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _child(kind: str, settings: KafkaSettings, folder: Path, events: int) -> Stretch:
    process = _start(kind, settings, folder, events)
    if process.wait() != 0:
        raise PermanentError(
            "bench-failed", f"the {kind} loop ended with {process.returncode}", "See the broker's log."
        )
    (stretch,) = _read_stretch(folder)
    return stretch


def _start(kind: str, settings: KafkaSettings, folder: Path, events: int) -> subprocess.Popen[bytes]:
    given = json.dumps(
        {"kind": kind, "kafka": settings.model_dump(mode="json"), "folder": str(folder), "events": events}
    )
    return subprocess.Popen([sys.executable, "-m", "journalclip_devtools.benches.events_child", given])


def _read_stretch(folder: Path) -> list[Stretch]:
    found = [Stretch(**json.loads(line)) for line in _text(folder / "stretch").splitlines()]
    (folder / "stretch").unlink(missing_ok=True)
    return found[-1:]


def chain_latencies(settings: KafkaSettings, count: int) -> list[float]:
    """Seconds from an event's publication to the last fact of a chain of two services whose own work is nothing."""
    stop = threading.Event()
    hops = [_Hop("hop-1", ArticleSubmitted, FiguresExtracted), _Hop("hop-2", FiguresExtracted, PairsStructured)]
    end = _End()
    buses = [KafkaBus(settings) for _ in range(3)]
    handlers: list[Handler] = [*hops, end]
    loops = [Loop(bus, handler) for bus, handler in zip(buses, handlers, strict=True)]
    threads = [threading.Thread(target=loop.run, args=[stop], daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    source = KafkaBus(settings)
    started: dict[str, float] = {}
    for number in range(count):
        fact = submission(10**9 + number)
        started[fact.article_id] = time.monotonic()
        source.publish([Event(fact, "bench")])
        time.sleep(0.02)  # issues arrive one by one; a burst would measure the queue
    deadline = time.monotonic() + 60
    while len(end.arrived) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    for bus in [*buses, source]:
        bus.close()
    # The first events wait for the groups to form, which a running system has behind it.
    return [end.arrived[key] - started[key] for key in list(started)[count // 10 :] if key in end.arrived]


class _Hop:
    """A service whose work takes no time."""

    def __init__(self, group: str, consumes: type[Fact], produces: type[Fact]) -> None:
        self.group = group
        self.consumes: tuple[type[Fact], ...] = (consumes,)
        self._produces = produces

    def handle(self, event: Event) -> list[Fact]:
        ref = blob_ref("figures", "0" * 64, 1, "application/json")
        if self._produces is FiguresExtracted:
            return [FiguresExtracted(article_id=event.key, document=ref, figures=1, panels=1)]
        return [PairsStructured(article_id=event.key, document=ref, pairs=1)]


class _End:
    """Where the chain ends."""

    group = "hop-3"
    consumes: tuple[type[Fact], ...] = (PairsStructured,)

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}

    def handle(self, event: Event) -> list[Fact]:
        self.arrived.setdefault(event.key, time.monotonic())
        return []
