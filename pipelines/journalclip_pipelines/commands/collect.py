"""``journalclip collect``: the bytes of old dataset versions are deleted."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json


def collect(
    newest: Annotated[int, typer.Option(min=1, help="Keep so many of each kind's newest dataset versions.")] = 3,
    keep: Annotated[list[str], typer.Option(help="Keep this dataset too; may be repeated.")] = [],  # noqa: B006 - typer reads it
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")] = False,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Delete the bytes of dataset versions that are neither new nor the origin of a model that was ever promoted.

    Examples:

        journalclip collect --dry-run

        journalclip collect --newest 5 --keep ds_...
    """
    from journalclip_pipelines.operations.catalogue import opened
    from journalclip_pipelines.operations.collecting import collect as run
    from journalclip_shared.errors import TransientError
    from journalclip_shared.settings import Settings
    from journalclip_shared.wiring import open_artifacts

    there = opened(workdir)
    if there.behind:
        raise TransientError(f"the catalogue is {there.behind} events behind the log; a promotion may be among them")
    found = run(open_artifacts(Settings(workdir=workdir)), there.engine, newest, keep, dry_run)
    if as_json:
        print_json(found.as_json())
    else:
        done = "would be deleted" if dry_run else "deleted"
        Console().print(
            f"{len(found.datasets)} versions collected, {len(found.kept)} kept: {found.objects} objects,"
            f" {found.bytes / 1e6:.1f} MB {done}"
        )
