"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from journalclip_shared.ids import Json
from journalclip_shared.kinds import Kind

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

DEFAULT_WORKDIR = Path("journalclip-work")


def print_json(value: Json) -> None:
    """One line on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False))
