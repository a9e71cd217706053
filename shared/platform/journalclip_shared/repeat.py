"""Work by the clock: a thread that repeats an action until its context ends, and work that is begun again after errors.

No such thread dies alone. An error of the world is logged and tried again; anything else ends the process, as it would
in the thread that handles events.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from journalclip_shared.errors import JournalclipError, TransientError

_log = logging.getLogger(__name__)
PAUSE_S = 1.0  # before what failed is begun again for the first time
_CALM_S = 60.0  # after so long without an error the next one begins with the first pause
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}  # of this machine; room may be made

# Of the process; every service shows it beside its own metrics. It starts at the action's beginning, so that one that
# never ends well grows old too.
DONE_AT = Gauge(
    "journalclip_repeated_timestamp_seconds", "When a repeated action last ended well.", ["action"], registry=None
)


def end_process(error: BaseException) -> None:
    """Log ``error`` with its traceback and end the process at once, whatever its other threads do."""
    _log.critical("a background thread failed; the process ends", exc_info=error)
    logging.shutdown()
    os._exit(os.EX_SOFTWARE)


def begun_again(
    work: Callable[[], int], stop: threading.Event, waits: Callable[[TransientError, float], None], pause_max_s: float
) -> int:
    """``work`` until ``stop`` is set, begun again where the world failed it; the sum of what it returned.

    ``waits`` is told of each error and of the seconds until the next try, which double up to ``pause_max_s``, and begin
    anew after a calm minute. What it raises ends the work.
    """
    count, pause = 0, PAUSE_S / 2
    while not stop.is_set():
        begun = time.monotonic()
        try:
            count += work()
        except TransientError as error:
            pause = PAUSE_S if time.monotonic() - begun > _CALM_S else min(pause_max_s, 2 * pause)
            waits(error, pause)
            stop.wait(pause)
    return count


@contextmanager
def repeated(
    act: Callable[[], object],
    every_s: float,
    failed: Callable[[BaseException], None] = end_process,
    action: str = "other",
) -> Iterator[None]:
    """``act`` now and every ``every_s`` seconds in a thread; an error on purpose is logged and tried again.

    Permanent and configuration errors are tried again too: there is no event to dead-letter here, and a bucket or a
    right that is missing while a cluster starts is there a minute later. ``failed`` is told of everything else.
    ``action`` is its name in the metrics.
    """
    stop, done_at = threading.Event(), DONE_AT.labels(action)
    done_at.set_to_current_time()

    def run() -> None:
        while not stop.is_set():
            try:
                act()
                done_at.set_to_current_time()
            except JournalclipError as error:
                _log.warning("will be tried again: %s", error)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                _log.warning("will be tried again: %s", error)
            stop.wait(every_s)

    def watched() -> None:
        try:
            run()
        finally:
            if (error := sys.exc_info()[1]) is not None:
                failed(error)

    thread = threading.Thread(target=watched, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
