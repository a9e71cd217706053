"""``journalclip suites``: which evaluation suites there are, where their data goes, and definitions to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import AsJson, print_json


def suites(
    name: Annotated[str | None, typer.Argument(help="Print this one's YAML, as a start for your own.")] = None,
    root: Annotated[Path, typer.Option("--suites", help="Folder below which the suites' data lies.")] = Path("suites"),
    as_json: AsJson = False,
) -> None:
    """List the evaluation suites, with the place for their data; no data is shipped.

    Examples:

        journalclip suites --suites ~/data

        journalclip suites image-folder > mine.yaml && journalclip evaluate champion --suite mine.yaml
    """
    from journalclip_evaluation.suite_data import has_data
    from journalclip_evaluation.suites import definition, load_suite, shipped_suites

    if name is not None:
        print_json(load_suite(name).model_dump(mode="json")) if as_json else typer.echo(definition(name), nl=False)
        return
    found = [load_suite(each) for each in shipped_suites()]
    rows = [
        {
            "name": suite.name, "title": suite.title, "kind": suite.kind, "layout": suite.layout,
            "protocols": list(suite.protocols) if suite.kind == "classification" else ["retrieval"],
            "data": "" if suite.layout == "synthetic" else str(root / suite.data), "has_data": has_data(suite, root),
            "source": suite.source,
        }
        for suite in found
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    table = Table("suite", "what", "layout", "protocols", "data goes to", "there?")
    for row in rows:
        protocols = ", ".join(map(str, row["protocols"]))  # type: ignore[arg-type] # a list of names
        there = "yes" if row["has_data"] else "no"
        table.add_row(str(row["name"]), str(row["title"]), str(row["layout"]), protocols, str(row["data"]), there)
    Console().print(table)
