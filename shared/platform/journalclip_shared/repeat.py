"""Work by the clock: a thread that repeats an action until its context ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from journalclip_shared.errors import JournalclipError

_log = logging.getLogger(__name__)


@contextmanager
def repeated(act: Callable[[], object], every_s: float) -> Iterator[None]:
    """``act`` now and every ``every_s`` seconds in a thread; an error on purpose is logged and tried again.

    Permanent errors are tried again too: there is no event to dead-letter here, and a bucket or a right that is missing
    while a cluster starts is there a minute later.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                act()
            except JournalclipError as error:
                _log.warning("will be tried again: %s", error)
            stop.wait(every_s)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
