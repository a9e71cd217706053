"""``journalclip bench burned-in``: text drawn into pictures, found or missed, and series without text left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json


def burned_in(
    series: Annotated[int, typer.Option(min=1, help="Phantom series, each with text and without.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    kept: Annotated[Path | None, typer.Option(help="File of finished trials; a second call goes on from it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Share of series with burned-in text that are found, and of those without that are left out by mistake.

    Examples:

        journalclip bench burned-in --series 200

        journalclip bench burned-in --seed 1 --kept trials.jsonl --json
    """
    from journalclip_devtools.benches.burned_in import run_trials, summary
    from journalclip_pipelines.progress import reporter

    with reporter().stage("burned-in text", series) as progress:
        found = summary(run_trials(series, seed, kept, progress.update))
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name:<20} {value}")
