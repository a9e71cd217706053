"""The two consumers that the events bench compares: a bare kafka-python loop, and our loop with a counting handler.

Run as ``python -m journalclip_devtools.benches.events_child JSON``. Each process appends lines to the file
``stretch`` in its folder: the bare loop at its end, ours about ten times a second, so that a killed process is measured
as well. Our loop also marks each handled event in the memory-mapped file ``seen``.
"""

from __future__ import annotations

import json
import mmap
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from kafka import KafkaConsumer

from journalclip_shared.bus import Delivery
from journalclip_shared.bus.kafka import KafkaBus, client_options
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ArticleSubmitted, Event, Fact
from journalclip_shared.settings import KafkaSettings


def bare(settings: KafkaSettings, folder: Path, events: int) -> None:
    """Poll, count and commit: the least work of a consumer."""
    consumer = KafkaConsumer(
        **client_options(settings), group_id="bare", enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.subscribe([settings.topic_prefix + ArticleSubmitted.topic])
    count, started = 0, 0.0
    while count < events:
        for records in consumer.poll(timeout_ms=1000).values():
            started = started or time.monotonic()
            count += len(records)
        consumer.commit()
    _note(folder, count, time.monotonic() - started)
    consumer.close()


class Counter:
    """A handler that marks each event, and an observer that writes the progress to files."""

    group = "ours"
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted,)

    def __init__(self, folder: Path, events: int, stop: threading.Event) -> None:
        self._folder, self._stop = folder, stop
        with (folder / "seen").open("r+b") as handle:
            self._seen = mmap.mmap(handle.fileno(), events)
        self._count, self._started, self._noted = 0, 0.0, 0.0

    def handle(self, event: Event) -> tuple[Fact, ...]:
        if isinstance(event.fact, ArticleSubmitted):
            number = int(event.fact.name[:-4])
            if number < len(self._seen):  # the latency part's events are in the topic too
                self._seen[number] = 1
        return ()

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None:
        now = time.monotonic()
        self._started = self._started or now
        self._count += 1
        if now - self._noted > 0.1:
            self._noted = now
            _note(self._folder, self._count, now - self._started)

    def waiting(self, dependency: str, seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None:
        raise AssertionError(f"a good event died: {delivery} {error}")

    def lag(self, events: int) -> None:
        """Write the progress, and stop the loop if no event is left. The loop calls it between batches."""
        temporary = self._folder / "progress.new"
        temporary.write_text(json.dumps({"lag": events, "handled": self._count}))
        temporary.replace(self._folder / "progress")
        if events == 0:
            self._stop.set()


def ours(settings: KafkaSettings, folder: Path, events: int) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    counter = Counter(folder, events, stop)
    Loop(KafkaBus(settings), counter, LoopSettings(lag_s=0.5), observer=counter, lag=counter.lag).run(stop)


def _note(folder: Path, events: int, seconds: float) -> None:
    with (folder / "stretch").open("a") as handle:
        handle.write(json.dumps({"events": events, "seconds": seconds}) + "\n")


def main(given: str) -> None:
    read = json.loads(given)
    run = {"bare": bare, "ours": ours}[read["kind"]]
    run(KafkaSettings(**read["kafka"]), Path(read["folder"]), int(read["events"]))


if __name__ == "__main__":
    main(sys.argv[1])
