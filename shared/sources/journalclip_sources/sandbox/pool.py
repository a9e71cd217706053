"""The parent's side: hand a source to the zygote, collect the child's answer within limits, say how it ended.

Any number of threads may call `Cell.read` at once; each call has its own child and its own pipes. The zygote is
started on first use and again should it die (then the article is worth another try: `TransientError`).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Generic, Self

from journalclip_shared.errors import PermanentError, TransientError
from journalclip_sources.sandbox.codec import Codec, Options, Result
from journalclip_sources.sandbox.errors import InputTooLarge, OutputTooLarge, ParseCrashed, ParseMemory, ParseTimeout
from journalclip_sources.sandbox.frames import BadFrames, split_frames, write_frames
from journalclip_sources.sandbox.limits import Limits
from journalclip_sources.sandbox.usage import Usage

_GRACE_S = 10.0  # beyond the wall-clock limit: a zygote that has not reported by then is not alive
_START_S = 240.0  # importing the parser takes 2 s, on a crowded machine without compiled bytecode a hundred times that
_AGAIN_S = 0.2  # between two tries to reach a parser's container
_CHUNK = 1 << 20
_MAX_HELLO = 4096
_MAX_ERRORS = 16_384  # bytes of a child's stderr that are kept; the end of a traceback says what is wrong
_OUT_OF_MEMORY = re.compile(rb"MemoryError|bad_alloc|malloc[^\n]*failed|(out of|cannot allocate) memory", re.IGNORECASE)
# The zygote's whole environment. One thread for numerical libraries: they must not start any before a fork.
ENVIRONMENT = {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What was read or the error it ended with, and what it used."""

    result: Result | PermanentError
    usage: Usage

    def article(self) -> Result:
        """Raises the error where there is no result."""
        if isinstance(self.result, PermanentError):
            raise self.result
        return self.result


@dataclass
class _Collected:
    answer: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    status: bytearray = field(default_factory=bytearray)
    overflow: bool = False


class Cell(Generic[Options, Result]):
    """Reads one kind of source in limited children. A context manager; `close` ends the zygote and what it runs.

    ``reader`` and ``codec_name`` are what the child imports (``module:attribute``); ``codec`` is the same codec here.
    ``container`` is the socket of a parser in a container of its own; without one the zygote is started here.
    """

    def __init__(
        self,
        limits: Limits,
        reader: str,
        codec: Codec[Options, Result],
        codec_name: str,
        container: Path | None = None,
    ) -> None:
        self.limits = limits
        self.confinement: dict[str, bool] = {}
        self._reader, self._codec, self._codec_name = reader, codec, codec_name
        self._container = container
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, data: bytes, options: Options) -> Result:
        """What was read. Raises `PermanentError` with the parser's or the sandbox's code, `TransientError`."""
        return self.run(data, options).article()

    def run(self, data: bytes, options: Options) -> Outcome[Result]:
        """As `read`, but a permanent error is part of the outcome.

        Raises `TransientError` where the zygote is lost, or the machine too busy for the child to reach its own limit.
        """
        if len(data) > self.limits.input_bytes:
            return Outcome(InputTooLarge(len(data), self.limits.input_bytes), Usage())
        limits = self.limits_for(options)
        source = _sealed(data, self._codec.encode_options(options))
        pipes = [os.pipe() for _ in range(3)]
        try:
            self._request(limits, [source, *(write for _, write in pipes)])
        except TransientError:
            _close(read for read, _ in pipes)
            raise
        finally:
            _close([source, *(write for _, write in pipes)])
        return self._outcome(limits, self._collect(limits, [read for read, _ in pipes]))

    def limits_for(self, options: Options) -> Limits:
        """What one child may use; ``options`` may ask for slower work."""
        del options
        return self.limits

    @property
    def zygote(self) -> int | None:
        """Process id of the running zygote."""
        return self._zygote.pid if self._zygote else None

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _outcome(self, limits: Limits, got: _Collected) -> Outcome[Result]:
        if not got.status:
            self.close()
            raise TransientError("the sandbox's zygote is gone")
        usage = Usage.load(bytes(got.status))
        if usage.starved(limits.patience_s):
            raise TransientError(
                f"the parser got {usage.cpu_s:.0f} s of CPU in {usage.wall_s:.0f} s: the machine is busy"
            )
        judged = _judge(got, usage, limits, self._codec)
        return Outcome(judged, usage)

    def _request(self, limits: Limits, descriptors: list[int]) -> None:
        message = json.dumps(asdict(limits)).encode()
        with self._lock:
            control = self._start()
            try:
                socket.send_fds(control, [message], descriptors)
            except OSError as error:
                self._stop()
                raise TransientError(f"the sandbox's zygote does not answer: {error}") from error

    def _start(self) -> socket.socket:
        if self._control is None:
            self._control = self._spawned() if self._container is None else self._connected(self._container)
            hello = self._hello(self._control)
            if not hello:
                self._stop()
                if self._container is not None:
                    raise TransientError("the parser's container ended while it was greeted")
                raise RuntimeError(f"the sandbox cannot start its reader {self._reader}; its own words are above")
            self.confinement = json.loads(hello)
        return self._control

    def _connected(self, path: Path) -> socket.socket:
        """To the parser's container, which may still be starting, or starting again."""
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                control.connect(str(path))
            except OSError as error:
                if time.monotonic() > deadline:
                    control.close()
                    raise TransientError(f"the parser's container does not answer at {path}: {error}") from error
                time.sleep(_AGAIN_S)
            else:
                return control

    def _spawned(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-I", "-m", "journalclip_sources.sandbox.zygote", str(theirs.fileno())]
        with theirs:
            # Its own process group: Ctrl-C is for the service, which then lets its articles finish.
            self._zygote = subprocess.Popen(
                [*command, self._reader, self._codec_name],
                pass_fds=[theirs.fileno()],
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        return ours

    def _hello(self, control: socket.socket) -> bytes:
        control.settimeout(_START_S)
        try:
            hello = control.recv(_MAX_HELLO)
        except TimeoutError:
            self._stop()
            raise TransientError(f"the sandbox's zygote did not start within {_START_S:.0f} s") from None
        control.settimeout(None)
        return hello

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()  # the zygote ends at once, and by their death signal its children
            self._control = None
        if self._zygote is not None:
            try:
                self._zygote.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
            self._zygote = None

    def _collect(self, limits: Limits, ends: list[int]) -> _Collected:
        """Read all three pipes to their ends; past a limit, an end is closed and the child finds a broken pipe."""
        got, deadline = _Collected(), time.monotonic() + limits.patience_s + _GRACE_S
        sinks = dict(zip(ends, (got.answer, got.errors, got.status), strict=True))
        answer, errors, _ = ends
        with selectors.DefaultSelector() as watch:
            for end in ends:
                watch.register(end, selectors.EVENT_READ)
            while watch.get_map() and time.monotonic() < deadline:
                for key, _ in watch.select(deadline - time.monotonic()):
                    chunk = os.read(key.fd, _CHUNK)
                    sinks[key.fd] += chunk
                    got.overflow |= key.fd == answer and len(got.answer) > limits.output_bytes
                    if key.fd == errors:
                        del got.errors[:-_MAX_ERRORS]
                    if not chunk or (got.overflow and key.fd == answer):
                        watch.unregister(key.fd)
                        os.close(key.fd)
            _close([key.fd for key in watch.get_map().values()])
        return got


def _judge(got: _Collected, usage: Usage, limits: Limits, codec: Codec[Options, Result]) -> Result | PermanentError:
    if got.overflow:
        return OutputTooLarge(limits.output_bytes)
    if usage.out_of_time:
        spent = f"{usage.cpu_s:.1f} s of CPU and {usage.wall_s:.1f} s of wall-clock time"
        return ParseTimeout(f"the parser was stopped after {spent}")
    if not usage.clean:
        if _OUT_OF_MEMORY.search(got.errors):
            return ParseMemory(f"the parser needs more than {limits.memory_bytes >> 20} MiB")
        last_words = bytes(got.errors).decode(errors="replace").strip().rpartition("\n")[2][:300]
        return ParseCrashed(f"the parser {usage.describe()}" + (f": {last_words}" if last_words else ""))
    try:
        return codec.decode(split_frames(got.answer))
    except BadFrames as error:
        return ParseCrashed(f"the parser's answer is not one: {error}")


def _sealed(data: bytes, options: bytes) -> int:
    """Options and source in an anonymous file that the child can read and nobody can change."""
    descriptor = os.memfd_create("article", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    write_frames(descriptor, [options, data])
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
