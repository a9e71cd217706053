"""``journalclip structuring read``: the records of the texts of one file, to try a text or to check a structurer.

In: JSON lines ``{"id", "kind": "caption" | "report", "text"}``. Out, in the same order, one JSON line for each:
``{"id", "structurer", "record", "rendering", "flags"}``; a refused text has ``"record": null`` and a ``failure``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from journalclip_pipelines.commands.options import AsJson, Structurer
from journalclip_shared.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journalclip_structuring.structurer import StructureRequest, StructureResult


def read(
    file: Annotated[Path, typer.Argument(help="JSON lines with `id`, `kind` and `text`; `-`: standard input.")],
    structurer: Structurer = "rules",
    as_json: AsJson = False,
) -> None:
    """Structure captions and reports, and print their records.

    Ends with an error where the structurer itself is unavailable or set up wrongly, after all lines were printed.

    Example: `echo '{"id": "1", "kind": "report", "text": "DWI: no infarct."}' | journalclip structuring read -`
    """
    from journalclip_structuring.build import structurer_named
    from journalclip_structuring.handler import check_world

    requests = list(requests_of(_text_of(file)))
    chosen = structurer_named(structurer)
    results = chosen.structure(requests)
    for result in results:
        line = answer_of(result, f"{chosen.name}/{chosen.version}")
        typer.echo(json.dumps(line, ensure_ascii=False) if as_json else _plain(line))
    check_world(result.failure for result in results if result.failure)


def _text_of(file: Path) -> str:
    """Raises PermanentError ``file-unreadable``."""
    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PermanentError("file-unreadable", f"{file}: {error}", "Name a UTF-8 file that you may read.") from error


def requests_of(lines: str) -> Iterator[StructureRequest]:
    """One request for each line that is not empty. Raises PermanentError ``line-unreadable``."""
    from journalclip_structuring.structurer import StructureRequest

    for number, line in enumerate(lines.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            kind, text = said.get("kind", "caption"), said["text"]
            if kind not in {"caption", "report"} or not isinstance(text, str):
                raise ValueError(kind)
        except (ValueError, KeyError, AttributeError) as error:
            raise PermanentError(
                "line-unreadable",
                f"line {number} is not a text to structure",
                'Write each line as {"id": "1", "kind": "caption" or "report", "text": "..."}.',
            ) from error
        yield StructureRequest(str(said.get("id", number)), text, kind=kind, panel=said.get("panel"))


def answer_of(result: StructureResult, by: str) -> dict[str, Any]:
    """The line that is printed for one result."""
    record, failure = result.record, result.failure
    line: dict[str, Any] = {
        "id": result.request_id,
        "structurer": (record.by if record else "") or by,
        "record": record.model_dump(mode="json") if record else None,
        "rendering": record.rendering if record else "",
        "flags": list(record.flags) if record else [],
    }
    if failure is not None:
        line["failure"] = {"code": failure.code, "reason": failure.reason}
    return line


def _plain(line: dict[str, Any]) -> str:
    flags = f"  [{', '.join(line['flags'])}]" if line["flags"] else ""
    failure = line.get("failure")
    said = f"refused [{failure['code']}] {failure['reason']}" if failure else line["rendering"] or "nothing recognised"
    return f"{line['id']}: {said}{flags}"
