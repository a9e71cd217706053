"""``journalclip demo``: the whole path on synthetic journals (or your own PDFs), then a search and its hit's trail."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import AsJson, Workdir, print_json
from journalclip_shared.ids import Json

if TYPE_CHECKING:
    from journalclip_inference.hits import Hit

QUERY = "axial CT showing subdural haematoma"
_HITS = 3
PACKAGED, SCRATCH = "demo_packaged", "demo"


def demo(
    workdir: Workdir = Path("journalclip-demo"),
    pdfs: Annotated[Path | None, typer.Option(help="Your own folder of PDFs instead of synthetic journals.")] = None,
    articles: Annotated[int, typer.Option(min=3, help="Synthetic articles to write.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic journals.")] = 0,
    recipe: Annotated[
        str,
        typer.Option(
            help="Training recipe; empty: real weights (`demo_packaged`) where packages bring them, else `demo`."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """See all of journalclip work: PDFs in, a promoted model, a search, and the trail of its first hit.

    Examples:

        journalclip demo

        journalclip demo --pdfs ~/journal --workdir mine

        journalclip demo --recipe demo   # towers from nothing, whatever is installed
    """
    started = time.monotonic()
    chosen, start = _start(recipe)
    typer.echo(f"start: {start}", err=True)
    folder = pdfs or _journals(workdir / "journals", articles, seed)
    if as_json:
        answers = _answers(folder, workdir, chosen)
        print_json({**answers, "start": start, "seconds": round(time.monotonic() - started, 1)})
    else:
        _tell(folder, workdir, chosen, started)


def _start(recipe: str) -> tuple[str, str]:
    """The recipe that the demo trains, and a sentence about where it starts."""
    if recipe:
        return recipe, f"what the recipe {recipe} begins with"
    from journalclip_shared.packaged import LITE0, MINILM

    missing = [each.package for each in (LITE0, MINILM) if not each.installed]
    if not missing:
        return (
            PACKAGED,
            "real weights of installed packages, EfficientNet-Lite0 (ImageNet) joined with MiniLM (sentences)",
        )
    return SCRATCH, f"small towers from nothing; with {' and '.join(missing)} installed it would be real weights"


def _tell(folder: Path, workdir: Path, recipe: str, started: float) -> None:
    """The commands a person would type, each under its own line."""
    from journalclip_pipelines.commands.explain import explain
    from journalclip_pipelines.commands.run import run
    from journalclip_pipelines.commands.search import search

    console = Console()
    console.rule(f"journalclip run {folder} --workdir {workdir} --recipe {recipe}")
    run(folder, workdir, recipe)
    console.rule(f'journalclip search "{QUERY}" --workdir {workdir}')
    search(QUERY, workdir=workdir, k=_HITS)
    hit = _hits(workdir)[0].pair_id
    console.rule(f"journalclip explain {hit} --workdir {workdir}")
    explain(hit, workdir=workdir)
    console.print(f"\nThe demo took {time.monotonic() - started:.0f} s. It shows the path, not the product's quality.")
    console.print("Next: `journalclip --help` and docs/quickstart.md.")


def _answers(folder: Path, workdir: Path, recipe: str) -> dict[str, Json]:
    from journalclip_pipelines.commands.run import execute
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_shared.catalogue.finding import CatalogueFinder
    from journalclip_shared.lineage import Lineage

    summary = execute(folder, workdir, recipe).as_json()
    hits = _hits(workdir)
    trail = Lineage(Workspace(workdir).store, CatalogueFinder(caught_up(workdir))).explain(hits[0].pair_id)
    return {"run": summary, "query": QUERY, "hits": [hit.model_dump(mode="json") for hit in hits], "explain": trail}


def _journals(folder: Path, articles: int, seed: int) -> Path:
    """The synthetic journals, written whole or not at all, so that an interrupted demo starts them again."""
    from journalclip_synthetic.journals import write_journals

    if not (folder / "gold.json").is_file():
        console = Console(stderr=True)
        console.rule(f"{articles} synthetic articles -> {folder}")
        with console.status("drawing figures and setting pages"):
            write_journals(folder, articles, seed)
    return folder


def _hits(workdir: Path) -> list[Hit]:
    from journalclip_inference.engine import SearchEngine
    from journalclip_pipelines.local.workspace import Workspace

    workspace = Workspace.existing(workdir)
    return SearchEngine.open(workspace.store, workspace.registry("articles"), workspace.cache).search(QUERY, k=_HITS)
