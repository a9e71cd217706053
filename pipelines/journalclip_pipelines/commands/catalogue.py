"""``journalclip catalogue`` and ``journalclip where``: the catalogue made, checked and asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_shared.catalogue import Place

catalogue = typer.Typer(help="The catalogue: the event log as SQL.", no_args_is_help=True)


@catalogue.command()
def upgrade(workdir: Workdir = DEFAULT_WORKDIR) -> None:
    """Bring the catalogue's tables to this version.

    Examples:

        JOURNALCLIP_CATALOGUE_URL=postgresql+psycopg://... journalclip catalogue upgrade
    """
    from journalclip_pipelines.operations.catalogue import engine_of

    engine_of(workdir)
    Console().print("the catalogue's tables are those of this version")


@catalogue.command()
def rebuild(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Make the catalogue anew from the log and the documents that it refers to.

    Examples:

        journalclip catalogue rebuild --workdir W
    """
    from journalclip_catalogue.rebuild import rebuild as run
    from journalclip_pipelines.operations.catalogue import engine_of, settings_of
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = settings_of(workdir)
    count = run(engine_of(workdir), open_bus(settings), open_artifacts(settings))
    if as_json:
        print_json({"events": count})
    else:
        Console().print(f"projected {count} events")


@catalogue.command()
def check(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Compare the catalogue with one made from the log now, row by row; exit code 3 where they differ.

    Examples:

        journalclip catalogue check --workdir W --json
    """
    from journalclip_catalogue.rebuild import check as run
    from journalclip_pipelines.operations.catalogue import caught_up, settings_of
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = settings_of(workdir)
    found = run(caught_up(workdir), open_bus(settings), open_artifacts(settings))
    if as_json:
        print_json({"differences": found})
    else:
        for table, count in found.items():
            Console().print(f"[red]{table}[/red]: {count} rows differ")
        Console().print("the catalogue is what the log says" if not found else "run `journalclip catalogue rebuild`")
    if found:
        raise typer.Exit(3)


def where(
    asked: Annotated[str, typer.Argument(help="A file's name or part of it, or any id.", metavar="ID|NAME")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Where a source is and why: its state, its documents, and what to do where it is in quarantine.

    Examples:

        journalclip where issue-7.pdf

        journalclip where pair_... --json
    """
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_shared.catalogue import Catalogue
    from journalclip_shared.catalogue.resolve import Resolver
    from journalclip_shared.errors import PermanentError

    engine = caught_up(workdir)
    catalogue = Catalogue(engine)
    found = catalogue.where(asked)
    if not found:  # an id of another version, a DOI, a patient
        found = [place for thing in Resolver(engine).present(asked) for place in catalogue.where(thing.id)]
    if not found:
        raise PermanentError("unknown-id", f"nothing here is called {asked}", "`journalclip status` lists all sources.")
    if as_json:
        print_json([each.as_json() for each in found])
    else:
        for each in found:
            _show(each)


def _show(place: Place) -> None:
    source = place.source
    if source is None:
        Console().print(f"{place.asked} is a {place.found_by}; `journalclip explain {place.asked}` says more")
        return
    Console().print(f"[bold]{source.name or source.source_id}[/bold] ({source.source_id}): {source.state}")
    Console().print(
        f"  received {source.received or 'unknown'}; {source.items} figures or volumes, {source.pairs} pairs"
    )
    if source.code:
        Console().print(f"  {source.code} at {source.stage}: {source.reason}\n  -> {source.remedy}")
    for document in place.documents:
        Console().print(f"  {document['stage']} by {document['producer']}: {document['uri']}")
