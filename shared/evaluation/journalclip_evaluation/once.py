"""One file a result, so that a study that was cut off goes on where it was, and two processes can share one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from journalclip_shared.atomic import write_atomically
from journalclip_shared.ids import Json, canonical_json, sha256_hex

Result = TypeVar("Result")


def once(folder: Path, name: str, of: Json, kind: type[Result], work: Callable[[], Result]) -> Result:
    """The result of ``work``, read back from ``folder`` where it was done before for the same ``of``.

    ``kind`` is the dataclass it returns. A file that was made of something else is done anew.
    """
    if (found := kept(folder, name, of, kind)) is not None:
        return found
    result = work()
    written = {"of": sha256_hex(canonical_json(of)), "result": TypeAdapter(kind).dump_python(result, mode="json")}
    write_atomically(folder / f"{name}.json", f"{json.dumps(written)}\n".encode())
    return result


def kept(folder: Path, name: str, of: Json, kind: type[Result]) -> Result | None:
    """What `once` would read back; None where it would do the work."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    return (
        TypeAdapter(kind).validate_python(stored["result"]) if stored["of"] == sha256_hex(canonical_json(of)) else None
    )
