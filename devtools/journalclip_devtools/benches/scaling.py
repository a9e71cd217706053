"""Measures how extraction scales with processes: it reads the same files with one sandboxed child, then with several.

Users see wall-clock time, but other jobs on the machine change it. So the CPU time of the children is compared as well.
If the processes do not slow each other down, an article costs the same CPU time with one child and with several.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.sandbox import Sandbox
from journalclip_sources.sandbox import Usage


@dataclass(frozen=True)
class Scaling:
    """The times of both passes.

    ``speedup`` is the ratio of the wall-clock times. ``by_cpu`` is computed from CPU times: the
    speedup expected on a machine without other work. ``*_s`` are seconds.
    """

    files: int
    workers: int
    alone_s: float
    together_s: float
    alone_cpu_s: float
    together_cpu_s: float
    speedup: float
    by_cpu: float


def measure(
    files: Sequence[bytes],
    workers: int,
    options: ExtractOptions,
    progress: Callable[[int, int], None] | None = None,
) -> Scaling:
    """Read all ``files`` with one worker, then with ``workers``. Largest first, so that workers end together."""
    ordered = sorted(files, key=len, reverse=True)
    done = 0

    def read(data: bytes) -> Usage:
        nonlocal done
        usage = sandbox.run(data, options).usage
        done += 1
        if progress is not None:
            progress(done, 2 * len(ordered))
        return usage

    spent: list[tuple[float, float]] = []
    with Sandbox() as sandbox:
        sandbox.run(b"", options)  # starts the fork server before the clock, so that neither pass includes its start
        for count in (1, workers):
            start = time.monotonic()
            with ThreadPoolExecutor(count) as pool:
                cpu = sum(usage.cpu_s for usage in pool.map(read, ordered))
            spent.append((time.monotonic() - start, cpu))
    (alone, alone_cpu), (together, together_cpu) = spent
    return Scaling(
        files=len(ordered),
        workers=workers,
        alone_s=round(alone, 2),
        together_s=round(together, 2),
        alone_cpu_s=round(alone_cpu, 2),
        together_cpu_s=round(together_cpu, 2),
        speedup=round(alone / together, 3) if together else 0.0,
        by_cpu=round(workers * alone_cpu / together_cpu, 3) if together_cpu else 0.0,
    )
