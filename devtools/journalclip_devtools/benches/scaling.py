"""How reading scales with processes: the same files through one sandboxed child at a time, then through several.

Wall-clock is what users see, but another job on the machine spoils it; so the CPU that the children used is compared as
well. Where processes do not stand in each other's way, an article costs the same CPU beside others as alone.
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
    """``speedup`` by wall-clock; ``by_cpu`` what it would be on a machine without other work."""

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
    """Read all ``files`` by one worker and by ``workers``, the largest first, so that the last ones end together."""
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
        sandbox.run(b"", options)  # the start of the zygote belongs to neither
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
