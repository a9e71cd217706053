"""``journalclip synthesize``: a folder of synthetic journal articles with their answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json


def synthesize(
    folder: Annotated[Path, typer.Argument(help="Where the PDFs and gold.json go; made if it is missing.")],
    articles: Annotated[int, typer.Option(min=1, help="How many articles to write.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    layouts: Annotated[
        bool, typer.Option("--layouts", help="Layouts that change from article to article, without medicine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write synthetic journal articles: PDFs of invented medicine, and gold.json with every true answer.

    Examples:

        journalclip synthesize journals --articles 60

        journalclip synthesize journals --articles 12 --seed 3 --json

        journalclip synthesize pages --layouts --articles 40 && journalclip bench extraction pages
    """
    if layouts:
        from journalclip_synthetic.layouts import write_layouts

        found = write_layouts(folder, articles, seed)
        if as_json:
            print_json({"folder": str(folder), "seed": seed, "articles": articles, "figures": len(found)})
        else:
            typer.echo(f"{folder}: {articles} articles, {len(found)} figures")
        return
    from journalclip_synthetic.journals import write_journals

    truths = write_journals(folder, articles, seed)
    figures = [figure for truth in truths for figure in truth.figures]
    counts = {
        "articles": len(truths),
        "pages": sum(truth.pages for truth in truths),
        "figures": len(figures),
        "panels": sum(len(figure.panels) for figure in figures),
    }
    if as_json:
        print_json({"folder": str(folder), "seed": seed, **counts})
    else:
        typer.echo(f"{folder}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
