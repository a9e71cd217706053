"""Progress that a person likes: one live bar a stage, or JSON lines where nobody watches.

Progress goes to standard error, so that standard output holds only the answer. A stage says how many it has done of how
many, and the time left; a stage with nothing to do says so and takes no time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_EVERY_S = 5.0  # at most one line in so many seconds a stage: enough to follow, little to scroll


class StageProgress(Protocol):
    """One stage's progress."""

    def update(self, done: int, total: int, note: str = "") -> None: ...


class Reporter(Protocol):
    """Where stages report."""

    def stage(self, name: str, total: int) -> AbstractContextManager[StageProgress]: ...

    def say(self, message: str) -> None: ...


class BarReporter:
    """Rich bars on a terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[StageProgress]:
        columns = (
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console) as progress:
            yield _Bar(progress, name, total)

    def say(self, message: str) -> None:
        self.console.print(message)


class _Bar:
    def __init__(self, progress: Progress, name: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=total, note="")

    def update(self, done: int, total: int, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)


class JsonReporter:
    """JSON lines: ``{"stage", "done", "total", "elapsed_s", "left_s", "note"}``."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr  # now, not at import: a caller may have replaced it

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[StageProgress]:
        lines = _Lines(self._out, name)
        lines.update(0, total)
        yield lines
        lines.finish()

    def say(self, message: str) -> None:
        print(json.dumps({"message": message}), file=self._out, flush=True)


class _Lines:
    def __init__(self, out: TextIO, name: str) -> None:
        self._out, self._name = out, name
        self._started = time.monotonic()
        self._last = float("-inf")
        self._state = (0, 0, "")

    def update(self, done: int, total: int, note: str = "") -> None:
        self._state = (done, total, note)
        if time.monotonic() - self._last >= _EVERY_S:
            self._write()

    def finish(self) -> None:
        self._write()

    def _write(self) -> None:
        self._last = time.monotonic()
        done, total, note = self._state
        elapsed = self._last - self._started
        left = elapsed / done * (total - done) if done else None
        line = {
            "stage": self._name,
            "done": done,
            "total": total,
            "elapsed_s": round(elapsed, 1),
            "left_s": None if left is None else round(left, 1),
            "note": note,
        }
        print(json.dumps(line), file=self._out, flush=True)


Item = TypeVar("Item")


def watched(items: Iterable[Item], stage: StageProgress, total: int) -> Iterator[Item]:
    """``items`` as they come, each counted."""
    for done, item in enumerate(items, start=1):
        stage.update(done, total)
        yield item


def reporter() -> BarReporter | JsonReporter:
    """Bars where a person watches standard error, JSON lines elsewhere."""
    return BarReporter() if sys.stderr.isatty() else JsonReporter()
