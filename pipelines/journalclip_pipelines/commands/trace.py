"""``journalclip trace``: a source's whole way with times."""

from __future__ import annotations

from typing import Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json


def trace(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="art_..., std_..., fig_..., pair_..., a DOI or a PMCID")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """A source's whole way, from its drop to the models of the first dataset that holds it: what was said, and when.

    Examples:

        journalclip trace art_k2... --workdir W

        journalclip trace 10.1234/abc.5 --json
    """
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_pipelines.operations.tracing import way_of

    way = way_of(caught_up(workdir), wanted)
    if as_json:
        print_json(way.as_json())
        return
    for after, step in way.timed():  # lines and no table, which a narrow terminal would cut
        typer.echo(f"{step.at[:23]}  {after:12.3f} s  {step.topic:<22} {step.thing}  by {step.by}")
    if traces := sorted({step.trace for step in way.steps if step.trace}):
        typer.echo(f"traces: {', '.join(traces)}")
    if way.more_datasets:
        typer.echo(f"{way.more_datasets} later datasets hold it as well; `journalclip explain` names the newest.")
