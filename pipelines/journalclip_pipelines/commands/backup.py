"""``journalclip backup`` and ``restore``: an installation into a folder, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.operations.backup import Outcome

_Databases = Annotated[
    bool,
    typer.Option("--databases-only", help="SQLite files alone, as in the pod of the bundled MLflow."),
]


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy goes, or goes on.", metavar="FOLDER")],
    databases_only: _Databases = False,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Copy every artifact, and a working folder's databases and keys, into FOLDER; what it holds already is left.

    It may be interrupted, repeated, and run while services work. A PostgreSQL is copied by its own tools.

    Examples:

        journalclip backup /backup --workdir W

        kubectl exec deploy/journalclip-toolbox -- journalclip backup /var/lib/journalclip/backup
    """
    from journalclip_pipelines.operations.backup import backup as run
    from journalclip_pipelines.operations.backup import backup_databases
    from journalclip_pipelines.operations.installation import store_of

    if databases_only:
        names = backup_databases(workdir, folder)
        print_json({"databases": list(names)}) if as_json else typer.echo(f"copied {', '.join(names) or 'nothing'}")
        return
    _say(run(store_of(workdir), workdir, folder), as_json)


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.", metavar="FOLDER")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back into an empty installation; each object's digest is verified.

    On a cluster, `journalclip bootstrap` and `journalclip rebuild` follow: they tell the events that the log has lost.

    Examples:

        journalclip restore /backup --workdir NEW && journalclip audit --workdir NEW
    """
    from journalclip_pipelines.operations.backup import restore as run
    from journalclip_shared.settings import Settings
    from journalclip_shared.wiring import open_artifacts

    _say(run(folder, open_artifacts(Settings(workdir=workdir)), workdir), as_json)


def _say(found: Outcome, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
        return
    copied = found.copied
    typer.echo(f"{sum(copied.objects.values())} objects, {copied.bytes / 1e6:.1f} MB, {found.new} of them new")
    typer.echo(f"databases: {', '.join(copied.databases) or 'none here'}; {copied.keys} keys")
