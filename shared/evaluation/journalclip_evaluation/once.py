"""One file a result, so that a study that was cut off goes on where it was, and two processes can share one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

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
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"of": made_of, "result": adapter.dump_python(result, mode="json")}) + "\n")
    temporary.replace(path)
    return result
