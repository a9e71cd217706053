"""``journalclip demo``: the whole path on synthetic journals (or your own PDFs), then a search and its hit's trail."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import Workdir

QUERY = "axial CT showing subdural haematoma"
_HITS = 3


def demo(
    workdir: Workdir = Path("journalclip-demo"),
    pdfs: Annotated[Path | None, typer.Option(help="Your own folder of PDFs instead of synthetic journals.")] = None,
    articles: Annotated[int, typer.Option(min=3, help="Synthetic articles to write.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic journals.")] = 0,
) -> None:
    """See all of journalclip work: PDFs in, a promoted model, a search, and the trail of its first hit.

    Examples:

        journalclip demo

        journalclip demo --pdfs ~/journal --workdir mine
    """
    from journalclip_pipelines.commands.explain import explain
    from journalclip_pipelines.commands.run import run
    from journalclip_pipelines.commands.search import search

    console, started = Console(), time.monotonic()
    folder = pdfs or _journals(workdir / "journals", articles, seed, console)
    console.rule(f"journalclip run {folder} --workdir {workdir}")
    run(folder, workdir)
    console.rule(f'journalclip search "{QUERY}" --workdir {workdir}')
    search(QUERY, workdir=workdir, k=_HITS)
    hit = _first_hit(workdir)
    console.rule(f"journalclip explain {hit} --workdir {workdir}")
    explain(hit, workdir=workdir)
    console.print(
        f"\nThe demo took {time.monotonic() - started:.0f} s. Its model is small and was trained from nothing:"
    )
    console.print("it shows the path, not the product's quality. Next: `journalclip --help`, docs/quickstart.md.")


def _journals(folder: Path, articles: int, seed: int, console: Console) -> Path:
    """The synthetic journals, written whole or not at all, so that an interrupted demo starts them again."""
    from journalclip_shared.testing.journals import write_journals

    if not (folder / "gold.json").is_file():
        console.rule(f"{articles} synthetic articles -> {folder}")
        with console.status("drawing figures and setting pages"):
            write_journals(folder, articles, seed)
    return folder


def _first_hit(workdir: Path) -> str:
    from journalclip_inference.engine import SearchEngine
    from journalclip_pipelines.local.workspace import Workspace

    workspace = Workspace.existing(workdir)
    return SearchEngine.open(workspace.store, workspace.registry, workspace.cache).search(QUERY, k=1)[0].pair_id
