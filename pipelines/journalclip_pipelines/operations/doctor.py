"""What this machine has and lacks for each way of running journalclip, one check a line.

A check never fails the command: it says what is there, what is missing and what for, so that a newcomer knows whether
`make demo` will work before trying it.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

_DISK_NEEDED = 2 * 1024**3  # bytes; the demo writes well under 1 GiB, a few hundred articles about 2
_MEMORY_NEEDED = 4 * 1024**3  # bytes; training the demo model and two parsers at once


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    state: Literal["ok", "missing", "note"]
    detail: str
    needed_for: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def checks(workdir: Path) -> Iterator[Check]:
    """All checks, the essential ones first."""
    yield _python()
    yield from _packages()
    yield _disk(workdir)
    yield _memory()
    yield from _programs()
    yield _gpu()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok" if sys.version_info >= (3, 11) else "missing", version, "everything")


def _packages() -> Iterator[Check]:
    for name, purpose in (
        ("pymupdf", "extraction (AGPL-3.0)"),
        ("torch", "training, search"),
        ("transformers", "training, search"),
        ("mlflow", "registry"),
        ("ray", "Ray Train, Ray Serve and backfill; local mode needs none"),
    ):
        try:
            yield Check(name, "ok", importlib.metadata.version(name), purpose)
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, "missing", "run `make sync`", purpose)


def _disk(workdir: Path) -> Check:
    folder = next(path for path in (workdir.absolute(), *workdir.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Check("disk", "ok" if free >= _DISK_NEEDED else "missing", f"{free / 1024**3:.1f} GiB free", "a run")


def _memory() -> Check:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = os.cpu_count() or 1
    state: Literal["ok", "missing"] = "ok" if total >= _MEMORY_NEEDED else "missing"
    return Check("memory", state, f"{total / 1024**3:.1f} GiB, {cores} cores", "training")


def _programs() -> Iterator[Check]:
    for program, purpose in (
        ("java", "a real Kafka on this machine (journalclip up, make chaos)"),
        ("mvn", "a real Kafka on this machine"),
        ("go", "a real MinIO on this machine"),
        ("chromium", "the browser tests"),
    ):
        found = shutil.which(program)
        yield Check(program, "ok" if found else "note", found or "not installed", purpose)


def _gpu() -> Check:
    try:
        import torch
    except ImportError:
        return Check("gpu", "note", "torch is not installed", "fast training")
    if torch.cuda.is_available():
        return Check("gpu", "ok", torch.cuda.get_device_name(0), "fast training")
    return Check("gpu", "note", "none; training runs on the CPU", "fast training")
