"""``journalclip bench extraction DIR``: figures, captions, boxes and speed against a folder's gold.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def extraction(
    folder: Annotated[Path, typer.Argument(help="Folder with PDFs and gold.json.", metavar="DIR")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    misses: Annotated[bool, typer.Option("--misses", help="List every miss (always in the JSON).")] = False,
) -> None:
    """Score the extractor on real articles, with bare PyMuPDF timed in the same run.

    Example: `journalclip bench extraction ../shared/corpus/dev --json`
    """
    from journalclip_extraction.bench import bench

    score = bench(folder)
    if as_json:
        typer.echo(score.model_dump_json())
        return
    for key, value in score.model_dump(exclude={"misses", "failed"}).items():
        typer.echo(f"{key:>20}  {value}")
    for file, code in score.failed.items():
        typer.echo(f"failed [{code}] {file}")
    for miss in score.misses if misses else ():
        typer.echo(f"{miss['what']:>12}  {miss['file']} figure {miss['number']} ({miss['similarity']})")
