"""One stage of a local run: a handler drained over the log, with a bar that shows it.

A stage asks the log how much waits before it opens its handler, so a run with nothing to do imports nothing heavy and
ends at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from journalclip_pipelines.progress import Reporter, StageProgress
from journalclip_shared.bus import Bus, Delivery
from journalclip_shared.consume import Handler, Loop, LoopSettings
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Fact

Tick = Callable[[int, int, str], None]  # done, total, note: a handler's own progress inside one event


@dataclass(frozen=True)
class Stage:
    """What to drain: consumed facts and group are stated here so that waiting work is known before building."""

    title: str
    group: str
    consumes: tuple[type[Fact], ...]
    open: Callable[[Tick], AbstractContextManager[Handler]]
    concurrency: int = 1
    inner: bool = False  # one long event (a training): the bar shows the handler's own progress


def drain(bus: Bus, stage: Stage, reporter: Reporter) -> int:
    """Handle all that waits; returns how many deliveries that was."""
    waiting = _waiting(bus, stage)
    if not waiting:
        return 0
    with reporter.stage(stage.title, 0 if stage.inner else waiting) as progress:
        watch = _Watch(progress, waiting, stage.inner)
        with stage.open(watch.tick) as handler:
            assert handler.group == stage.group, f"{stage.title} is wired to group {handler.group}"
            assert handler.consumes == stage.consumes, f"{stage.title} is wired to other facts"
            return Loop(bus, handler, LoopSettings(concurrency=stage.concurrency), watch).drain()


def _waiting(bus: Bus, stage: Stage) -> int:
    consumer = bus.consumer([fact.topic for fact in stage.consumes], stage.group)
    try:
        return consumer.lag() or 0
    finally:
        consumer.close()


class _Watch:
    """Observer of the loop; counts are shared by the loop's threads."""

    def __init__(self, progress: StageProgress, total: int, inner: bool) -> None:
        self._progress, self._total, self._inner = progress, total, inner
        self._lock = threading.Lock()
        self._done = 0
        self._died = 0

    def tick(self, done: int, total: int, note: str) -> None:
        if self._inner:
            self._progress.update(done, total, note)

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None:
        self._count(0)

    def waiting(self, dependency: str, seconds: float) -> None: ...

    def died(self, delivery: Delivery, error: PermanentError) -> None:
        self._count(1)

    def _count(self, died: int) -> None:
        with self._lock:
            self._done += 1
            self._died += died
            if not self._inner:
                note = f"{self._died} quarantined" if self._died else ""
                # A stage may consume what it publishes itself, so more can come than waited at its start.
                self._progress.update(self._done, max(self._done, self._total), note)
