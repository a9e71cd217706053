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
    path, made_of, adapter = folder / f"{name}.json", sha256_hex(canonical_json(of)), TypeAdapter(kind)
    if path.exists():
        stored = json.loads(path.read_text())
        if stored["of"] == made_of:
            return adapter.validate_python(stored["result"])
    result = work()
    kept = {"of": made_of, "result": adapter.dump_python(result, mode="json")}
    write_atomically(path, f"{json.dumps(kept)}\n".encode())
    return result
