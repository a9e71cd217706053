"""Readers that do what a compromised or broken parser might; the sandbox's tests name them by dotted name.

`read` does what the article's first word says, so that one zygote serves every case.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadDelivery, ReadFigure
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import ArticleFacts, Box, Sourced

PNG = b"\x89PNG\r\n\x1a\n"


def article(title: str, image: bytes = PNG) -> ReadArticle:
    """One page, one figure; ``title`` carries what a test wants to know."""
    crop = Crop(image, "image/png", 1, 1)
    box = Box(x0=0, y0=0, x1=1, y1=1)
    figure = ReadFigure("1", "Figure 1", "A caption.", 1, 1, box, crop=crop)
    return ReadArticle(1, ArticleFacts(title=Sourced(value=title)), (figure,), digest=title)


def delivery(*articles: ReadArticle) -> ReadDelivery:
    """What a file of these articles yields."""
    return ReadDelivery(articles, sum(each.pages for each in articles))


def read(data: bytes, options: ExtractOptions) -> ReadDelivery:
    deed, _, argument = data.decode().partition(" ")
    return delivery(article(_DEEDS[deed](argument) or str(options.dpi)))


def _echo(argument: str) -> str:
    return argument


def _none(_: str) -> str:
    raise PermanentError("pdf-invalid", "this is not a PDF", "Send a PDF.")


def _hang(_: str) -> str:
    time.sleep(3600)
    return ""


def _spin(_: str) -> str:
    while True:
        pass


def _dawdle(_: str) -> str:
    """Works without end, at a tenth of a core: as a child does that hardly gets one."""
    while True:
        until = time.process_time() + 0.002
        while time.process_time() < until:
            pass
        time.sleep(0.02)


def _grow(_: str) -> str:
    hoard = []
    while True:
        hoard.append(bytearray(1 << 24))


def _crash(argument: str) -> str:
    os.abort() if argument == "abort" else ctypes.string_at(0)
    return ""


def _bug(argument: str) -> str:
    raise LookupError(argument)


def _leave(_: str) -> str:
    sys.exit(0)


def _babble(argument: str) -> str:
    """Bytes of its own choice where the answer belongs, and a clean exit."""
    os.write(4, bytes.fromhex(argument))
    os._exit(0)


def _flood(_: str) -> str:
    os.write(4, struct.pack(">Q", 1 << 40))
    while True:
        os.write(4, bytes(1 << 20))


def _shout(_: str) -> str:
    for _turn in range(1000):
        os.write(2, b"x" * 10_000)
    return "heard"


def _environment(_: str) -> str:
    return ",".join(sorted(os.environ))


def _descriptors(_: str) -> str:
    found = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(str(number))
    return ",".join(found)


def _attempt(deed: Callable[[], object]) -> str:
    """``done``, or why not."""
    try:
        deed()
    except OSError as error:
        return type(error).__name__
    return "done"


def _open(argument: str) -> str:
    return _attempt(lambda: Path(argument).read_bytes())


def _write(argument: str) -> str:
    return _attempt(lambda: Path(argument).write_bytes(b"x"))


def _connect(_: str) -> str:
    return _attempt(lambda: socket.create_connection(("127.0.0.1", 9), timeout=1))


def _exec(_: str) -> str:
    return _attempt(lambda: os.execv("/bin/true", ["true"]))  # noqa: S606 - the point is that it is refused


def _fork(_: str) -> str:
    return _attempt(lambda: subprocess.run(["true"], check=False))


def _signal(argument: str) -> str:
    return _attempt(lambda: os.kill(int(argument), signal.SIGKILL))


_DEEDS: dict[str, Callable[[str], str]] = {
    "echo": _echo, "none": _none, "hang": _hang, "spin": _spin, "grow": _grow, "crash": _crash, "bug": _bug,
    "leave": _leave, "babble": _babble, "flood": _flood, "shout": _shout, "environment": _environment,
    "descriptors": _descriptors, "open": _open, "write": _write, "connect": _connect, "exec": _exec, "fork": _fork,
    "signal": _signal, "dawdle": _dawdle,
}  # fmt: skip
