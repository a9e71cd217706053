"""One mutant against the tests, in a process of its own.

The parent has imported the large libraries and nothing of the product; each trial is a fork of it that reads one module
as changed. This spares every trial the seconds that NumPy and pydantic take to import.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Literal

import pytest
from hypothesis import Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir

Outcome = Literal["killed", "survived", "time"]
# No shrinking of a failure, no memory of it, the same examples each time.
settings.register_profile(
    "mutants", deadline=None, database=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
ONE_FAILURE = [
    "-q",
    "-x",
    "-n0",
    "--no-header",
    "-p",
    "no:cacheprovider",
    "--hypothesis-profile=mutants",
    "--timeout=0",
]
HEAVY = ["ray", "servers", "browser", "charts", "cluster", "chaos", "slow"]


@dataclass(frozen=True)
class Trial:
    outcome: Outcome
    cpu_s: float


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module, whose source is the given text."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path.resolve(), text
        self.name = ".".join([*_packages(self.path), self.path.stem])

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


def _packages(path: Path) -> list[str]:
    names: list[str] = []
    for folder in path.parents:
        if not (folder / "__init__.py").exists():
            break
        names.insert(0, folder.name)
    return names


def trial(path: Path, text: str, tests: Sequence[str], limit_s: int, log: Path) -> Trial:
    """What the tests say of the module at ``path`` read as ``text``. More than ``limit_s`` of CPU time is a failure."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(path, text, tests, limit_s, log)
    waited = _wait(child, began + 10 * limit_s)
    _, status, usage = waited if waited else _stop(child)
    if waited is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL}):
        outcome: Outcome = "time"
    else:
        outcome = "survived" if status == 0 else "killed"
    return Trial(outcome, usage.ru_utime + usage.ru_stime)


def _run(path: Path, text: str, tests: Sequence[str], limit_s: int, log: Path) -> None:
    os.setsid()  # what a mutant starts and leaves is stopped with it
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.meta_path.insert(0, _Changed(path, text))
    set_hypothesis_home_dir(log.parent / "hypothesis")
    code = 3
    try:
        chosen = " or ".join(HEAVY)
        code = int(pytest.main([*ONE_FAILURE, "-m", f"not ({chosen})", *tests]))
    finally:
        os._exit(code)


def _wait(child: int, until: float) -> tuple[int, int, resource.struct_rusage] | None:
    while time.monotonic() < until:
        done = os.wait4(child, os.WNOHANG)
        if done[0]:
            _stop_group(child)
            return done
        time.sleep(0.02)
    return None


def _stop(child: int) -> tuple[int, int, resource.struct_rusage]:
    _stop_group(child)
    return os.wait4(child, 0)


def _stop_group(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return
