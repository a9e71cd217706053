"""A run's progress from its workers back to whoever waits for it: one small actor that both sides know.

Showing is free of waiting for the worker; a board that is lost takes only the progress with it. The actor's process
holds plain numbers and imports no torch, which would take the workers' processors for seconds as they start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError

if TYPE_CHECKING:
    from journalclip_training.checkpoint import Point
    from journalclip_training.fit import Observe

EVERY_S = 1.0
_Shown = tuple[dict[str, Any], int]  # a point's fields, and how many steps there are


class _Notes:
    """What was shown and not yet taken."""

    def __init__(self) -> None:
        self._shown: list[_Shown] = []

    def show(self, shown: _Shown) -> None:
        self._shown.append(shown)

    def take(self) -> list[_Shown]:
        shown, self._shown = self._shown, []
        return shown


@dataclass
class Board:
    """The workers' end."""

    actor: Any
    _last: float = field(default=0.0)

    def show(self, point: Point, steps: int) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY_S or point.step + 1 == steps:
            self._last = now
            self.actor.show.remote((asdict(point), steps))


@contextmanager
def watched(observe: Observe) -> Iterator[Board]:
    """A board whose points ``observe`` is told of while the block runs, from another thread."""
    from journalclip_training.checkpoint import Point  # as the module's head says

    actor = ray.remote(num_cpus=0)(_Notes).remote()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(EVERY_S):
            try:
                for fields, steps in ray.get(actor.take.remote()):
                    observe(Point(**fields), steps)
            except RayError:
                return

    thread = threading.Thread(target=watch, name="board", daemon=True)
    thread.start()
    try:
        yield Board(actor)
    finally:
        stop.set()
        thread.join()
        ray.kill(actor)
