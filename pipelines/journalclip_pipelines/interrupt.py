"""Ctrl-C at any moment: the process and its children end at once, and the next run goes on from what is stored.

That is safe because nothing in journalclip needs a farewell: manifests are written last and events are committed after
their results, so an interrupt is only a kill with a friendlier message.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_INTERRUPTED = 130  # 128 + SIGINT, as shells say it
_SHOW_CURSOR = "\x1b[?25h"  # a live bar hides it


@contextmanager
def resumable(command: str) -> Iterator[None]:
    """End on SIGINT or SIGTERM with a line that says how to go on. Main thread only."""

    def stop(_signum: int, _frame: FrameType | None) -> None:
        cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
        os.write(2, f"{cursor}\nStopped. Finished work is kept; go on with:\n  {command}\n".encode())
        # Other threads may be deep in a training step or waiting for a parser; none of them needs to finish.
        os._exit(_INTERRUPTED)

    with handling(stop):
        yield


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> Iterator[None]:
    """SIGINT and SIGTERM go to ``handler``, and afterwards where they went before. Main thread only."""
    before = {each: signal.signal(each, handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, former in before.items():
            signal.signal(each, former)
