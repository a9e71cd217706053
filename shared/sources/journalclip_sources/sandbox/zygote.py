"""The zygote: ``python -I -m journalclip_sources.sandbox.zygote <socket> <module:function> <module:codec>``.

It serves one control socket. A request is one message: the limits as JSON and four descriptors (input, answer, errors,
status). For each it forks a child, watches it by its pidfd, kills it when its wall-clock time is up, and writes the
child's `Usage` to the status descriptor. It parses nothing itself, so no article can hurt it; it is single-threaded,
so forking is safe; when the control socket closes it ends, and its children with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from journalclip_shared.errors import PermanentError
from journalclip_sources.sandbox import landlock, seccomp
from journalclip_sources.sandbox.codec import Codec, encode_error
from journalclip_sources.sandbox.frames import split_frames, write_frames
from journalclip_sources.sandbox.limits import Limits, Watch
from journalclip_sources.sandbox.usage import Usage

# Both sides of the codec are its own affair; the zygote only carries frames.
Reader = Callable[[bytes, Any], Any]

MAX_REQUEST = 4096  # bytes of limits as JSON; about 120 are used
DESCRIPTORS = 4  # input, answer, errors, status
_PR_SET_PDEATHSIG = 1
_CPU_CLOCK = 2  # CPUCLOCK_SCHED: the exact one


@dataclass
class _Child:
    pid: int
    status: int
    watch: Watch
    started: float
    killed: bool = False

    def wall_s(self) -> float:
        return time.monotonic() - self.started

    def cpu_s(self) -> float:
        """Read from the process's own clock (clock_getcpuclockid(3)), since /proc is out of the zygote's reach."""
        return time.clock_gettime(~self.pid << 3 | _CPU_CLOCK)

    def patience(self) -> float:
        """Seconds until it is worth asking again whether its time is up."""
        return max(self.watch.ask_at() - self.wall_s(), 0.0)


@dataclass(frozen=True)
class Task:
    """What a child does: read bytes under options, both carried by the codec."""

    read: Reader
    codec: Codec[Any, Any]

    @classmethod
    def load(cls, reader: str, codec: str) -> Task:
        """From two names ``module:attribute``."""
        return cls(_attribute(reader), _attribute(codec))


def _attribute(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def serve(control: socket.socket, task: Task) -> None:
    """Fork a child per request until the socket closes."""
    watch = selectors.DefaultSelector()
    watch.register(control, selectors.EVENT_READ)
    children: dict[int, _Child] = {}
    while True:
        for key, _ in watch.select(_patience(children)):
            if key.fileobj is control:
                if not _accept(control, task, watch, children):
                    return
            else:
                watch.unregister(key.fileobj)
                _reap(children.pop(key.fd), key.fd)
        _kill_late(children)


def _patience(children: dict[int, _Child]) -> float | None:
    return min((child.patience() for child in children.values() if not child.killed), default=None)


def _accept(control: socket.socket, task: Task, watch: selectors.BaseSelector, children: dict[int, _Child]) -> bool:
    message, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, DESCRIPTORS)
    if not message:
        return False
    limits = Limits(**json.loads(message))
    source, answer, errors, status = descriptors
    pid = os.fork()
    if pid == 0:
        _become_child(task, limits, source, answer, errors)
    for descriptor in (source, answer, errors):
        os.close(descriptor)
    pidfd = os.pidfd_open(pid)
    children[pidfd] = _Child(pid, status, Watch(limits), time.monotonic())
    watch.register(pidfd, selectors.EVENT_READ)
    return True


def _reap(child: _Child, pidfd: int) -> None:
    _, status, spent = os.wait4(child.pid, 0)
    os.close(pidfd)
    usage = Usage.of(status, spent, child.killed, child.wall_s())
    os.write(child.status, usage.dump())
    os.close(child.status)


def _kill_late(children: dict[int, _Child]) -> None:
    for pidfd, child in children.items():
        if not child.killed and child.watch.is_up(child.wall_s(), child.cpu_s()):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            child.killed = True


def _become_child(task: Task, limits: Limits, source: int, answer: int, errors: int) -> NoReturn:
    """In the child. An error that is not one of ours leaves by the interpreter's own way: a traceback and code 1."""
    answer, source = _keep_only(source, answer, errors)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    limits.apply()
    seccomp.deny_processes()
    write_frames(answer, perform(task, source))
    os._exit(0)


def _keep_only(source: int, answer: int, errors: int) -> tuple[int, int]:
    """Close all but input (3), answer (4) and errors (1 and 2), so that no other article's descriptor is in reach."""
    # First to above 4, so that no copy below overwrites one that is still to be copied.
    source, answer, errors = (fcntl.fcntl(each, fcntl.F_DUPFD, 5) for each in (source, answer, errors))
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((null, 0), (errors, 1), (errors, 2), (source, 3), (answer, 4)):
        os.dup2(descriptor, place)
    os.closerange(5, os.sysconf("SC_OPEN_MAX"))
    return 4, 3


def perform(task: Task, source: int) -> list[bytes]:
    """Options and source from the input, the answer as frames."""
    with open(source, "rb", closefd=False) as handle:
        options, data = split_frames(handle.read())
    try:
        return task.codec.encode(task.read(data, task.codec.decode_options(options)))
    except PermanentError as error:
        return encode_error(error)


def confine() -> bytes:
    """Give up what no parser needs, once the reader is imported; returns the greeting, which says what is active."""
    seccomp.no_new_privileges()
    confinement = {"landlock": landlock.confine(landlock.interpreter_paths()), "seccomp": seccomp.deny_outside()}
    # What the imports made never becomes garbage: without a freeze the first collection in each child would copy it.
    gc.collect()
    gc.freeze()
    return json.dumps(confinement).encode()


def fork_as_zygote() -> bool:
    """Fork; True in the child, which dies with its parent and waits for children of its own."""
    if os.fork():
        return False
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(each, signal.SIG_DFL)
    return True


def leave() -> NoReturn:
    """End a forked zygote without its parent's clean-up."""
    os._exit(0)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    task = Task.load(sys.argv[2], sys.argv[3])
    control.send(confine())
    serve(control, task)


if __name__ == "__main__":
    main()
