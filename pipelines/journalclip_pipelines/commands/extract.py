"""``journalclip extract PDF...``: figures of some files, without a bus or a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import print_json


def extract(
    paths: Annotated[list[Path], typer.Argument(help="PDF files, or folders of them.", metavar="PDF...")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, a line a file.")] = False,
    crops: Annotated[Path | None, typer.Option(help="Write each figure's image into this folder.")] = None,
    dpi: Annotated[int, typer.Option(min=36, max=1200, help="Of figures that must be rendered.")] = 200,
) -> None:
    """Extract figures, captions, panels, mentions and facts, each file in a sandboxed process.

    Boxes are in PDF points, origin top left. A file that cannot be read is listed with its code; the rest go on.

    Examples:

        journalclip extract paper.pdf

        journalclip extract papers/ --json --crops figures/
    """
    from journalclip_extraction.article import ExtractOptions
    from journalclip_extraction.listing import Listed, iter_pdfs, list_files, write_crops
    from journalclip_extraction.sandbox import Sandbox

    def show(listed: Listed) -> None:
        row = listed.row
        if as_json:
            print_json(row)
        elif listed.article is None:
            typer.echo(f"{row['file']}: {row['state']} [{row['code']}] {row['reason']}")
        else:
            typer.echo(f"{row['file']}: {len(listed.article.figures)} figures on {listed.article.pages} pages")
            for figure in listed.article.figures:
                typer.echo(f"  {figure.label} (page {figure.page}, {figure.kind}) {figure.caption[:90]}")

    options = ExtractOptions(crops=crops is not None, dpi=dpi)
    with Sandbox() as sandbox:
        for path, listed in list_files(iter_pdfs(paths), sandbox, options):
            if crops is not None and listed.article is not None:
                write_crops(crops, path, listed.article)
            show(listed)
