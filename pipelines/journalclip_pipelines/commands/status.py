"""``journalclip status`` and ``journalclip quarantine list``: where every source stands, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.ids import Json

if TYPE_CHECKING:
    from journalclip_pipelines.kinds import SourceKind
    from journalclip_pipelines.operations.status import SourceStatus

quarantine = typer.Typer(help="Sources that cannot be used, and what to do about each.", no_args_is_help=True)


def status(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Every source's state as the catalogue has it, kind by kind, and the copies of articles that were recognised.

    Examples:

        journalclip status

        journalclip status --workdir W --json
    """
    from journalclip_intake.articles import copies
    from journalclip_pipelines.kinds import every_kind
    from journalclip_pipelines.operations.catalogue import opened, settings_of
    from journalclip_pipelines.operations.status import counts, source_states
    from journalclip_shared.wiring import open_artifacts

    there = opened(workdir)
    of_kind = {of: source_states(there.catalogue, of.kind) for of in every_kind()}
    states = [state for found in of_kind.values() for state in found]
    also = copies(open_artifacts(settings_of(workdir)))
    if as_json:
        rows: dict[str, Json] = {
            of.kind: [{**state.as_json(), "copies": also.get(state.source_id, [])} for state in found]
            for of, found in of_kind.items()
        }
        print_json({"counts": counts(states), "behind": there.behind, **rows})
        return
    _say_behind(there.behind)
    for of, found in of_kind.items():
        if found:
            Console().print(_table(of, found, also))
    Console().print(", ".join(f"{count} {state}" for state, count in sorted(counts(states).items())) or "no sources")


def _table(of: SourceKind, states: Sequence[SourceStatus], also: Mapping[str, Sequence[str]]) -> Table:
    table = Table(of.source, "name", "state", of.unit, "pairs", "note")
    for state in states:
        note = state.code or (f"also as {', '.join(also[state.source_id])}" if state.source_id in also else "")
        table.add_row(state.source_id, state.name, state.state, str(state.extracted), str(state.pairs), note)
    return table


@quarantine.callback()
def _group() -> None:
    """Keeps `list` a subcommand while it is the only one."""


@quarantine.command("list")
def quarantine_list(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """What is in quarantine: code, reason, and the way out.

    Examples:

        journalclip quarantine list --workdir W
    """
    from journalclip_pipelines.operations.catalogue import opened
    from journalclip_pipelines.operations.status import quarantined

    there = opened(workdir)
    found = quarantined(there.catalogue)
    if as_json:
        print_json({"quarantined": [each.as_json() for each in found], "behind": there.behind})
    else:
        _say_behind(there.behind)
        _show(found)


def _say_behind(behind: int) -> None:
    if behind:
        Console(stderr=True).print(f"the catalogue is {behind} events behind the log", style="yellow")


def _show(found: Sequence[SourceStatus]) -> None:
    if not found:
        Console().print("Nothing is in quarantine.")
        return
    table = Table("source", "file", "stage", "code", "reason", "what to do")
    for each in found:
        table.add_row(each.source_id, each.name, each.stage, each.code, each.reason, each.remedy)
    Console().print(table)
