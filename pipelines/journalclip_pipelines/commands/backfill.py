"""``journalclip backfill DIR``: an archive of PDFs through extraction, on as many cores as there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def backfill(
    folder: Annotated[Path, typer.Argument(help="Folder of PDFs.", metavar="DIR")],
    workdir: Annotated[Path, typer.Option("--workdir", "-w", help="Where log and artifacts are.")] = Path(
        "journalclip-work"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Actors, each with a core of its own.")] = 2,
    address: Annotated[
        str | None, typer.Option(envvar="RAY_ADDRESS", help="A running Ray cluster; without one it is started here.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Read again what was quarantined before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Resumable at any moment: what has been read is not read again.

    Example: `journalclip backfill archive/ --workers 2 --json`
    """
    import json
    from dataclasses import asdict

    from journalclip_extraction.settings import ExtractionSettings
    from journalclip_intake.articles import find_deliveries
    from journalclip_pipelines import backfill as job
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_pipelines.operations.status import source_states
    from journalclip_pipelines.progress import reporter, watched
    from journalclip_shared.catalogue import Catalogue

    settings = ExtractionSettings(workdir=workdir.resolve())
    workspace = Workspace(settings.workdir)
    with workspace.lock():
        known = not retry and (settings.workdir / "events.db").is_file()
        states = source_states(Catalogue(caught_up(settings.workdir)), "articles") if known else []
        refused = frozenset(each.source_id for each in states if each.state == "quarantined")
        paths = find_deliveries(folder)
        found = job.rows(paths, settings, settings.options(), settings.limits, refused, workers, address)
        with reporter().stage("backfill", len(paths)) as stage:
            summary = asdict(job.publish(workspace.bus, watched(found, stage, len(paths))))
    if as_json:
        typer.echo(json.dumps(summary))
        return
    for key, value in summary.items():
        typer.echo(f"{key:>10}  {value}")
