"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.kinds import Kind
from journalclip_shared.records.caption import FLAGS, RecordFlag

Workdir = Annotated[
    Path,
    typer.Option(
        "--workdir", "-w", envvar="JOURNALCLIP_WORKDIR", help="Folder of the event log, artifacts, registry and caches."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]

OfKind = Annotated[
    Kind | None,
    typer.Option("--kind", help="articles or studies; needed only where models of both answer to one name."),
]

Structurer = Annotated[
    str,
    typer.Option(
        "--structurer",
        help="Who reads the texts: `rules`, `endpoint` or `local` (as the settings say), a model folder, or"
        " models:/NAME@ALIAS.",
    ),
]

LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        metavar="FLAG",
        help="Keep what has this flag out of the dataset until a reviewer accepts it; repeatable, in place of what"
        " JOURNALCLIP_FREEZE_LEAVE_OUT says (hidden-instruction; of studies low-read-share, too).",
    ),
]
KeepFlagged = Annotated[bool, typer.Option("--keep-flagged", help="Leave nothing out of the dataset for its flags.")]

DEFAULT_WORKDIR = Path("journalclip-work")


def left_out(flags: list[str] | None, keep_flagged: bool) -> tuple[RecordFlag, ...] | None:
    """The flags that keep something out of a dataset; None: those that are usual for the kind.

    Raises `PermanentError` ``options-contradict``, ``flag-unknown``.
    """
    if keep_flagged and flags:
        raise PermanentError(
            "options-contradict", "--keep-flagged and --leave-out were both given", "Give one of them."
        )
    known = {str(flag): flag for flag in FLAGS}
    for flag in flags or ():
        if flag not in known:
            raise PermanentError("flag-unknown", f"no record has a flag {flag!r}", f"Choose of {', '.join(known)}.")
    if keep_flagged or flags:
        return tuple(known[flag] for flag in flags or ())
    from journalclip_freezing.settings import FreezingSettings

    return FreezingSettings().freeze_leave_out


def print_json(value: Json) -> None:
    """One line on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False))
