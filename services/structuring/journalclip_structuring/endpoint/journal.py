"""Every attempt on record: one JSON line each, appended before its result is used.

A line says which text (by digest, not by content), which attempt, what came of it, how long it took and what it cost.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Attempt:
    """One request to the endpoint, or one answer from the cache (attempt 0)."""

    request_id: str
    text_sha256: str
    attempt: int
    code: str  # "ok", "cached", or the failure's code
    detail: str
    seconds: float
    cost_usd: float
    model: str
    at: str  # UTC, ISO 8601


class Journal(Protocol):
    def record(self, attempt: Attempt) -> None: ...


class FileJournal:
    """Appends to a JSON-lines file; each line is flushed to the system."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def record(self, attempt: Attempt) -> None:
        self._file.write(json.dumps(asdict(attempt), ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class ListJournal:
    """In memory, for benches and tests."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def record(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
