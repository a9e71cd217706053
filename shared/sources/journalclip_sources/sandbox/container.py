"""The zygote as a container beside the service: what a parser image starts.

Where a pod gives the parser a container, that container holds the PDF library and nothing else: no credentials are
mounted in it, and a parser that broke out of its child would find none, whatever the kernel offers. The two meet at a
Unix socket in a folder they share; articles and answers travel as descriptors, as they do to a zygote of the same
container. Each connection gets a fork of the confined process as its zygote, which ends with the connection.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from journalclip_sources.sandbox import zygote
from journalclip_sources.sandbox.pool import ENVIRONMENT
from journalclip_sources.sandbox.zygote import Task

_WAITING = 8  # a service has one connection; one that was restarted has a second for a moment


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path``; one that a former container left there is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    path.chmod(0o660)  # the service has another user and the same group
    listener.listen(_WAITING)
    return listener


def answer(listener: socket.socket, task: Task, hello: bytes) -> None:
    """A zygote for each connection, until a signal."""
    while True:
        connection, _ = listener.accept()
        if zygote.fork_as_zygote():
            listener.close()
            connection.send(hello)
            zygote.serve(connection, task)
            zygote.leave()
        connection.close()


def main(path: Path, reader: str, codec: str) -> None:
    """Serve ``reader`` and ``codec`` (each ``module:attribute``) at the socket ``path`` until a signal."""
    for each in (signal.SIGTERM, signal.SIGINT):  # as process 1 it would ignore them
        signal.signal(each, lambda *_: sys.exit(0))
    os.environ.clear()  # of a cluster's addresses and whatever else came with the container
    os.environ.update(ENVIRONMENT)
    listener = listen(path)
    task = Task.load(reader, codec)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a zygote that ended is nobody's news
    answer(listener, task, zygote.confine())
