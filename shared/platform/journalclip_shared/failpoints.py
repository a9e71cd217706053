"""Fail points: named places where a test may make the process die, pause or meet an error.

Nothing is armed unless `arm` was called (``__main__`` does, with the ``fail_points`` setting), and an unarmed point
costs one look at an empty dictionary. The grammar is ``name=action@n``, joined by ``;``: the action happens the n-th
time (from 1, the default) that the point is passed, once. Actions: ``kill`` (SIGKILL to itself: no cleanup at all),
``crash`` (a `SimulatedCrash`, for tests inside one process), ``transient`` (a `TransientError`), ``full`` (ENOSPC),
``sleep:SECONDS``.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from dataclasses import dataclass

from journalclip_shared.errors import PermanentError, TransientError

# Every point there is, by where it lies; `arm` refuses others, so that a fault test cannot pass by misspelling one.
_WAY: dict[str, tuple[str, ...]] = {
    "consume": (
        "polled", "before-decode", "before-handle", "after-handle", "before-retry", "before-publish", "after-publish",
        "before-done", "before-commit", "after-commit", "before-bury", "after-dead-letter", "after-quarantine",
        "stopping",
    ),
    "bus": ("before-send", "sent-in-part", "sent", "acknowledged"),
    "artifacts": (
        "before-blob", "blob-written", "after-blob", "before-manifest", "manifest-written", "after-manifest",
        "before-read", "after-read",
    ),
    "submit": ("recorded",),
    "intake": ("fetched", "announced", "receipted"),
    "extraction": ("read", "figure-stored"),
    "structuring": ("structured",),
    "freezing": ("assigned", "shards-written", "members-written", "frozen", "numbered"),
    "training": ("trained", "registered"),
    "catalogue": ("before-rows", "before-place", "before-end", "after-end", "before-member-end"),
    "promotion": ("judged", "decided", "appended", "previous", "champion", "tagged", "done"),
}  # fmt: skip
POINTS = tuple(f"{where}.{what}" for where, whats in _WAY.items() for what in whats)


class SimulatedCrash(BaseException):
    """The process would be dead here; no ``except Exception`` may see it."""


@dataclass
class _Armed:
    action: str
    countdown: int


_armed: dict[str, _Armed] = {}
_lock = threading.Lock()


def arm(spec: str) -> None:
    """Replace what is armed by ``spec``; an empty one disarms all. Raises `PermanentError` for a wrong one."""
    armed = {}
    for part in filter(None, spec.split(";")):
        name, _, rest = part.strip().partition("=")
        action, _, count = rest.partition("@")
        known = action in {"kill", "crash", "transient", "full"} or action.startswith("sleep:")
        if name not in POINTS or not known or not (count or "1").isdigit():
            raise PermanentError(
                "fail-point-unknown", f"{part!r} names no fail point or action", f"Points are {', '.join(POINTS)}."
            )
        armed[name] = _Armed(action, int(count or "1"))
    with _lock:
        _armed.clear()
        _armed.update(armed)


def hit(name: str) -> None:
    """Pass the point ``name``."""
    if _armed:
        _pass(name)


def _pass(name: str) -> None:
    with _lock:
        found = _armed.get(name)
        if found is None:
            return
        found.countdown -= 1
        if found.countdown > 0:
            return
        del _armed[name]
    _act(name, found.action)


def _act(name: str, action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "crash":
        raise SimulatedCrash(name)
    if action == "transient":
        raise TransientError(f"fail point {name}")
    if action == "full":
        raise OSError(errno.ENOSPC, f"fail point {name}")
    time.sleep(float(action.removeprefix("sleep:")))
