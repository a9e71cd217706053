"""Processes for fault tests at the price of a fork: each comes from one server that has imported everything already.

A fault test starts thousands of services only to kill them, and importing is nearly all that a start costs. The fork
server (of the standard library) has no clients and no threads of ours, so what is forked from it is as bare as a fresh
interpreter: it reads its settings from the environment that it is given, and SIGKILL ends it like any other.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from journalclip_devtools.faults import chain_worker

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([chain_worker.__name__, "pytest"])  # a test runner's own module is looked up again


class Child:
    """A process with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._process = _context.Process(target=_live, args=(list(arguments), dict(environment), log), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """The exit code. Raises `TimeoutError`."""
        self._process.join(timeout_s)
        if (code := self._process.exitcode) is None:
            raise TimeoutError(f"still running after {timeout_s:.0f} s")
        return code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _live(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as out:
        os.dup2(out.fileno(), sys.stdout.fileno())
        os.dup2(out.fileno(), sys.stderr.fileno())
    chain_worker.main(*arguments)
