"""The extractor of this checkout beside another commit's: the same articles in turn, in one run.

Two processes with one thread each read every article one after the other, whoever comes second first the next time, so
that what else the machine does hits both alike. Times are CPU seconds; what is loaded once a process is not in them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from journalclip_devtools.benches.versions_child import WAYS
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json

_CHILD = Path(__file__).with_name("versions_child.py")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
HERE = Path(__file__).parents[3]


class _Child:
    def __init__(self, checkout: Path, stack: ExitStack) -> None:
        command = [sys.executable, "-I", str(_CHILD), str(checkout)]
        environment = {**os.environ, **_ONE_THREAD}
        self._process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        )
        self._checkout = checkout
        self.pages = 0
        self.cpu_s: Counter[str] = Counter()

    def read(self, file: Path) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise PermanentError("child-ended", f"the extractor of {self._checkout} ended at {file}", "See above.")
        found = json.loads(answer)
        self.pages += found["pages"]
        self.cpu_s.update(found["cpu_s"])

    def rate(self, way: str) -> float:
        return self.pages / self.cpu_s[way] if self.cpu_s[way] else 0.0


def measure(files: Sequence[Path], against: Path) -> dict[str, dict[str, Json]]:
    """Way of reading -> pages a second of one core here and there, and their ratio. Raises `PermanentError`."""
    with ExitStack() as stack:
        here, there = _Child(HERE, stack), _Child(against.resolve(), stack)
        for turn, file in enumerate(files):
            for child in (here, there) if turn % 2 else (there, here):
                child.read(file.resolve())
        return {way: _compared(here.rate(way), there.rate(way)) for way in WAYS}


def _compared(here: float, there: float) -> dict[str, Json]:
    return {"here": round(here, 2), "there": round(there, 2), "ratio": round(here / there, 3) if there else 0.0}
