"""``journalclip up``: all services against real servers on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, Workdir


def up(
    workdir: Workdir = DEFAULT_WORKDIR,
    without: Annotated[list[str], typer.Option("--without", help="A service to leave out; may be repeated.")] = [],  # noqa: B006 - typer reads it
    studies: Annotated[bool, typer.Option("--studies", help="The steps of head-MRI studies as well.")] = False,
    metrics_from: Annotated[
        int, typer.Option(min=0, max=65_000, help="Prometheus metrics on this port and the following; 0: none.")
    ] = 0,
) -> None:
    """All services against real servers on this machine, until Ctrl-C; servers that settings name are used instead.

    Examples:

        journalclip up --workdir W

        JOURNALCLIP_RECIPE=demo JOURNALCLIP_GATES=local journalclip up --workdir W --metrics-from 9100
    """
    from journalclip_devtools.up import COMMANDS, STUDY_COMMANDS
    from journalclip_devtools.up import up as run
    from journalclip_shared.settings import Settings

    there = [*COMMANDS, *(STUDY_COMMANDS if studies else ())]
    names = [name for name in there if name not in without]
    unknown = sorted(set(without) - set(there))
    if unknown:
        raise typer.BadParameter(f"no service {', '.join(unknown)}; there are {', '.join(there)}")
    run(workdir, Settings(workdir=workdir), names, {}, Console(stderr=True).print, metrics_from)
