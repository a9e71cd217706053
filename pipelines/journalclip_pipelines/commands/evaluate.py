"""``journalclip evaluate MODEL``: retrieval, suites, the papers' tables, a report for people, a model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, OfKind, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.evaluating import Evaluating

_Split = Literal["train", "val", "test"]


def evaluate(
    model: Annotated[str, typer.Argument(help="Version, alias, model id, or the path of a CLIP folder.")] = "champion",
    dataset: Annotated[str | None, typer.Option(help="Dataset id; default: the one the model was trained on.")] = None,
    split: Annotated[_Split, typer.Option(help="Which part of it.")] = "test",
    suite: Annotated[
        list[str] | None, typer.Option(help="A suite's name (`journalclip suites`) or YAML; may be repeated.")
    ] = None,
    general: Annotated[
        str, typer.Option(help="The suite that stands for what must not be forgotten, e.g. `imagenet`.")
    ] = "",
    suites: Annotated[Path, typer.Option(help="Folder below which the suites' data lies.")] = Path("suites"),
    table: Annotated[
        list[str] | None, typer.Option(help="A paper's table, `cns-clip` or `selip`; may be repeated.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
    card: Annotated[Path | None, typer.Option(help="Write the model card (Markdown) here.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Attach report and card to the model's MLflow run.")] = False,
    alone: Annotated[bool, typer.Option("--alone", help="Leave out the start and the champion.")] = False,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, or `cuda:N`.")] = "auto",
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a frozen dataset, with intervals by article, beside its own start and the champion.

    Examples:

        journalclip evaluate champion --workdir W

        journalclip evaluate 3 --suite synthetic-shapes --table cns-clip --report report.html --card card.md

        journalclip evaluate candidate --general imagenet --suites ~/data --log --json

        journalclip evaluate ./clip-vit-base-patch32 --dataset ds_... --alone
    """
    from journalclip_modeling.machine import describe, resolved
    from journalclip_pipelines.evaluating import Evaluating, Options, find_installation
    from journalclip_pipelines.evaluating import as_json as answer
    from journalclip_pipelines.operations.installation import Installation
    from journalclip_pipelines.progress import reporter

    chosen = resolved(device)
    typer.echo(describe(chosen), err=True)
    options = Options(split, tuple(suite or ()), general, tuple(table or ()), suites, chosen, alone)
    is_folder = (Path(model) / "config.json").is_file()  # of a CLIP: what is not registered has no other kind
    there = Installation.open(workdir, "articles") if is_folder else find_installation(workdir, model, kind)
    with reporter().stage("evaluate", 0) as bar:
        notes = [""]

        def say(note: str) -> None:
            notes[0] = note
            bar.update(0, 0, note)

        def progress(done: int, total: int) -> None:
            bar.update(done, total, notes[0])

        work = Evaluating(there, model, dataset, options, progress, say)
        found = answer(work) if as_json else {}
        _ = work.ranks, work.suites  # measured here, where the bar shows it
        documents = {"report.html": work.report} if report or log else {}
        documents |= {"model-card.md": work.card} if card or (log and work.version) else {}
        made = {name: make() for name, make in documents.items()}
    written = [path for path in (report, card) if path]
    for path, name in ((report, "report.html"), (card, "model-card.md")):
        if path:
            path.write_text(made[name])
    logged = _log(work, made) if log else ""
    if as_json:
        print_json({**found, "written": [str(path) for path in written], "logged_to": logged or None})
        return
    _show(work)
    for path in written:
        typer.echo(f"wrote {path}")
    if logged:
        typer.echo(f"attached to MLflow run {logged}")


def _log(work: Evaluating, made: dict[str, str]) -> str:
    """Raises `UnknownModel` for a folder."""
    from journalclip_pipelines.evaluating import UnknownModel

    if work.version is None:
        raise UnknownModel(work.wanted, f"{work.wanted} is a folder; only a registered model has a run to attach to")
    folder = f"evaluation/{work.dataset.manifest.dataset_id}-{work.options.split}"
    files = {f"{folder}/{name}": text.encode() for name, text in made.items()}
    return work.there.runs.attach(work.version.run_id, work.version.model_id, files)


def _show(work: Evaluating) -> None:
    console = Console()
    console.print(_retrieval(work))
    for name in work.others:
        console.print(_differences(work, name))
    for suite in work.suites:
        for model, results in suite.models.items():
            for each in results:
                console.print(
                    f"{suite.name}, {each.protocol}, {model}: macro AUROC {each.macro_auroc:.3f} "
                    f"({each.macro_auroc_ci[0]:.3f} to {each.macro_auroc_ci[1]:.3f}), "
                    f"accuracy {each.accuracy:.3f} (chance {each.chance:.3f})"
                )
        for model, found in suite.retrieval.items():
            for side, one in found:
                console.print(f"{suite.name}, {side.replace('_', ' ')}, {model}: R@1 {one.r1:.3f}, R@10 {one.r10:.3f}")
    for table in work.tables:
        rows = work.table_rows(table)
        out = Table(*rows[0], title=table.heading, caption=table.caveat, show_lines=True)
        for row in rows:
            out.add_row(*row.values())
        console.print(table.published, out, sep="\n")


def _retrieval(work: Evaluating) -> Table:
    from journalclip_evaluation.retrieval import by_modality, summarise

    head = ("strict", "R@1", "R@5", "R@10 (95 %)", "chance R@10", "median rank", "MRR", "queries", "pool")
    out = Table(*head, title=f"{work.title} on {work.dataset.manifest.dataset_id}, {work.options.split}")
    this = list(work.ranks.values())[-1]
    groups = {name: summarise(ranked) for name, ranked in work.ranks.items()}
    groups |= {"duplicates right as well": summarise(this, multi=True), **by_modality(this)}
    for name, both in groups.items():
        for side, found in both:
            low, high = found.r10_ci
            out.add_row(
                f"{name}, {side.replace('_', ' ')}", f"{found.r1:.3f}", f"{found.r5:.3f}",
                f"{found.r10:.3f} ({low:.3f} to {high:.3f})", f"{found.chance10:.3f}",
                f"{found.median_rank:g}", f"{found.mrr:.3f}", str(found.queries), str(found.pool),
            )  # fmt: skip
    return out


def _differences(work: Evaluating, name: str) -> Table:
    from journalclip_evaluation.retrieval import METRICS, compare

    out = Table("both directions, strict", "difference", "95 % interval", "p", title=f"against {name}")
    this = list(work.ranks.values())[-1]
    for metric in METRICS:
        delta = compare(work.ranks[name], this, metric)
        out.add_row(metric, f"{delta.mean:+.4f}", f"{delta.low:+.4f} to {delta.high:+.4f}", f"{delta.p:.4f}")
    return out
