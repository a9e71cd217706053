"""``journalclip search``: ask the champion for figures, by words, by a picture, or by both."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.kinds import Kind

if TYPE_CHECKING:
    from journalclip_inference.hits import Answer


class Mode(StrEnum):
    """What a ranking goes by."""

    best = "best"
    words = "words"
    looks = "looks"


_Values = Annotated[list[str] | None, typer.Option(help="Keep only this value; give it again for alternatives.")]


def search(
    text: Annotated[str, typer.Argument(help="What the figure shows, in plain words.")] = "",
    image: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A picture to search by.")] = None,
    k: Annotated[int, typer.Option(min=1, max=200, help="How many hits.")] = 10,
    modality: _Values = None,
    anatomy: _Values = None,
    journal: _Values = None,
    year: _Values = None,
    licence: _Values = None,
    mode: Annotated[Mode, typer.Option(help="Words and looks together, words alone, or looks alone.")] = Mode.best,
    captions: Annotated[bool, typer.Option("--captions", help="Compare with captions instead of pictures.")] = False,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Search the champion's collection; every hit shows its score, caption, article and page.

    Examples:

        journalclip search "axial CT showing subdural haematoma"

        journalclip search --image scan.png --modality MRI --k 5 --json

        journalclip search "ring-enhancing lesion" --image scan.png
    """
    from journalclip_inference.engine import SearchEngine
    from journalclip_inference.images import ImageLimits, open_image
    from journalclip_inference.index.facets import Filters
    from journalclip_pipelines.local.workspace import Workspace

    workspace = Workspace.existing(workdir)
    chosen = {"modality": modality, "anatomy": anatomy, "journal": journal, "year": year, "licence": licence}
    filters = Filters.model_validate({facet: values or () for facet, values in chosen.items()})
    picture = open_image(image.read_bytes(), ImageLimits()) if image else None
    engine = SearchEngine.open(workspace.store, workspace.registry("articles"), workspace.cache)
    answer = engine.answer(text or None, picture, k, filters, mode.value, by_caption=captions)
    if as_json:
        typer.echo(answer.model_dump_json())
    else:
        _show(answer)


def _show(answer: Answer) -> None:
    served = answer.served
    table = Table(title=f"{answer.pairs} pairs, model version {served.version} ({served.model_id})", show_lines=True)
    table.add_column("score", justify="right")
    table.add_column("figure", overflow="fold")
    table.add_column("caption", overflow="fold", ratio=2)
    table.add_column("article", overflow="fold", ratio=1)
    for hit in answer.hits:
        label = f"{hit.label}{' ' + hit.letter if hit.letter else ''}\n{hit.modality}\n[dim]{hit.pair_id}[/dim]"
        table.add_row(
            f"{hit.score:.3f}", label, hit.caption, f"{hit.title or hit.name}\npage {hit.page}\n{hit.licence}"
        )
    console = Console()
    if answer.notice:
        console.print(answer.notice, style="bold")
    for correction in answer.corrections:
        console.print(f"Searched for {correction.read_as!r} instead of {correction.typed!r}.")
    for expansion in answer.expansions:
        console.print(f"{expansion.said!r} is searched for as {expansion.means}, by all its names.")
    if answer.unknown:
        console.print(f"Nothing here says {', '.join(answer.unknown)}.")
    console.print(table)
    console.print("`journalclip explain PAIR_ID` walks a hit back to page, box and PDF.", style="dim")


def quality(
    queries: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A list of your own: JSON lines of type, text and right {id: grade}; 1 or more is right.",
        ),
    ] = None,
    take: Annotated[int, typer.Option(min=1, help="Queries of each type made from the records.")] = 20,
    mode: Annotated[Mode, typer.Option(help="Words and looks together, words alone, or looks alone.")] = Mode.best,
    least: Annotated[float, typer.Option(min=0, max=1, help="P@10 over all below which the exit code is 1.")] = 0.0,
    kind: Annotated[Kind, typer.Option(help="What is searched: articles or studies.")] = "articles",
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """How well does the champion's search serve a reader: P@10, nDCG and reciprocal rank by type of query.

    Queries are made from the collection's own records, which also say what is right; or they are a list of yours.

    Examples:

        journalclip search-quality --workdir W

        journalclip search-quality --kind studies --workdir W

        journalclip search-quality --queries ours.jsonl --least 0.9 --json
    """
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.search_quality import measure, read_queries, searched

    search = searched(Workspace.existing(workdir), kind, mode.value)
    asked = search.queries(take) if queries is None else read_queries(queries)
    found = measure(asked, search.ask)
    if as_json:
        print_json([figure.model_dump() for figure in found])
    else:
        table = Table(title=f"{len(asked)} queries, mode {mode.value}; right is what the records say")
        for name in ("type", "queries", "P@10", "95 %", "nDCG@10", "MRR", "told"):
            table.add_column(name, justify="left" if name == "type" else "right")
        for each in found:
            interval = "{:.2f}-{:.2f}".format(*each.precision_ci)
            figures = (
                f"{each.precision:.3f}",
                interval,
                f"{each.ndcg:.3f}",
                f"{each.reciprocal_rank:.3f}",
                f"{each.told:.2f}",
            )
            table.add_row(each.type, str(each.queries), *figures)
        Console().print(table)
    if next((each.precision for each in found if each.type == "all"), 0.0) < least:
        raise typer.Exit(1)
