"""``journalclip agreement PATH...``: the PDF reader measured against the articles' own XML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import print_json


def agreement(
    paths: Annotated[
        list[Path], typer.Argument(help="Packages that hold PDF and XML, or folders of them.", metavar="PATH...")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: articles, journals, all.")] = False,
) -> None:
    """Report precision and recall of the PDF reader against the XML, a line an article and a line a journal.

    A figure of the XML counts where the PDF prints its words. It is found where the reader has a figure with at least
    90 % of its letters and digits. Articles without both PDF and XML are counted and named, not measured.

    Examples:

        journalclip agreement packages/

        journalclip agreement article.zip --json
    """
    from journalclip_extraction.agreement import measure
    from journalclip_extraction.article import ExtractOptions
    from journalclip_extraction.sandbox import Sandbox
    from journalclip_pipelines.progress import reporter
    from journalclip_shared.deliveries import iter_deliveries

    files = list(iter_deliveries(paths))
    with Sandbox() as sandbox, reporter().stage("agreement", len(files)) as stage:
        report = measure(files, sandbox, ExtractOptions(crops=False, panels=False), stage.update)
    if as_json:
        for row in report.as_json():
            print_json(row)
        return
    for row in report.as_json():
        name = row.get("file") or row.get("journal") or "all"
        if row.get("state"):
            typer.echo(f"{name}: {row['state']} {row.get('reason', '')}".rstrip())
        else:
            typer.echo(
                f"{name}: precision {row['precision']}, recall {row['recall']} "
                f"({row['found']} of {row['figures']} figures, {row['extra']} extra)"
            )
