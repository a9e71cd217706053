"""The audit log: who did what, when, and how it ended; one JSON object a line, only ever appended.

What a reader searched for is not written down: it can be a patient's story. Names, actions, ids and outcomes are.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from journalclip_shared.ids import Json, canonical_json


class Audit(Protocol):
    """Where the log goes."""

    def record(self, who: str, role: str, action: str, subject: str, status: int) -> None: ...


class AuditFile:
    """A file of JSON lines; one a day, in UTC."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def record(self, who: str, role: str, action: str, subject: str, status: int) -> None:
        now = datetime.now(UTC)
        entry: dict[str, Json] = {
            "time": now.isoformat(timespec="milliseconds"), "who": who, "role": role, "action": action,
            "subject": subject, "status": status,
        }  # fmt: skip
        line = canonical_json(entry) + b"\n"
        with self._lock, (self._folder / f"{now:%Y-%m-%d}.jsonl").open("ab") as handle:
            handle.write(line)


class NullAudit:
    """Writes nothing."""

    def record(self, who: str, role: str, action: str, subject: str, status: int) -> None: ...
