"""``journalclip status`` and ``journalclip quarantine list``: where every source stands, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.operations.status import SourceStatus

quarantine = typer.Typer(help="Sources that cannot be used, and what to do about each.", no_args_is_help=True)


def status(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Every article's state, and the copies that were recognised.

    Examples:

        journalclip status

        journalclip status --workdir W --json
    """
    from journalclip_intake.articles import copies
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.operations.status import article_states, counts

    workspace = Workspace.existing(workdir)
    states = article_states(workspace.bus.read)
    also = copies(workspace.store)
    if as_json:
        rows = [{**state.as_json(), "copies": also.get(state.source_id, [])} for state in states]
        print_json({"counts": counts(states), "articles": rows})
        return
    table = Table("article", "file", "state", "figures", "pairs", "note")
    for state in states:
        note = state.code or (f"also as {', '.join(also[state.source_id])}" if state.source_id in also else "")
        table.add_row(state.source_id, state.name, state.state, str(state.figures), str(state.pairs), note)
    Console().print(table)
    Console().print(", ".join(f"{count} {state}" for state, count in sorted(counts(states).items())) or "no articles")


@quarantine.callback()
def _group() -> None:
    """Keeps `list` a subcommand while it is the only one."""


@quarantine.command("list")
def quarantine_list(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """What is in quarantine: code, reason, and the way out.

    Examples:

        journalclip quarantine list --workdir W
    """
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.operations.status import quarantined

    found = quarantined(Workspace.existing(workdir).bus.read)
    if as_json:
        print_json({"quarantined": [each.as_json() for each in found]})
    else:
        _show(found)


def _show(found: Sequence[SourceStatus]) -> None:
    if not found:
        Console().print("Nothing is in quarantine.")
        return
    table = Table("source", "file", "stage", "code", "reason", "what to do")
    for each in found:
        table.add_row(each.source_id, each.name, each.stage, each.code, each.reason, each.remedy)
    Console().print(table)
