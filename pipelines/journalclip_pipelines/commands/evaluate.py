"""``journalclip evaluate MODEL``: retrieval, suites, the papers' tables, a report for people, a model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.evaluating import Evaluating

_Split = Literal["train", "val", "test"]


def evaluate(
    model: Annotated[str, typer.Argument(help="Version, alias, model id, or the path of a CLIP folder.")] = "champion",
    dataset: Annotated[str | None, typer.Option(help="Dataset id; default: the one the model was trained on.")] = None,
    split: Annotated[_Split, typer.Option(help="Which part of it.")] = "test",
    suite: Annotated[list[str] | None, typer.Option(help="A suite's name or YAML; give it again for more.")] = None,
    suites: Annotated[Path, typer.Option(help="Folder below which the suites' data lies.")] = Path("suites"),
    table: Annotated[list[str] | None, typer.Option(help="A paper's table: `cns-clip` or `selip`.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
    card: Annotated[Path | None, typer.Option(help="Write the model card (Markdown) here.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Attach report and card to the model's MLflow run.")] = False,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a frozen dataset, with intervals by article, beside its own start.

    Examples:

        journalclip evaluate champion --workdir W

        journalclip evaluate 3 --suite synthetic-shapes --table cns-clip --report report.html --card card.md --json
    """
    from journalclip_pipelines.evaluating import Evaluating
    from journalclip_pipelines.local.workspace import Workspace

    work = Evaluating(Workspace.existing(workdir), model, dataset, split, tuple(suite or ()), suites)
    found = work.as_json(table or ())
    written = {path: work.report(table or ()) for path in [report] if path}
    written |= {path: work.card() for path in [card] if path}
    for path, text in written.items():
        path.write_text(text)
    if log:
        _log(work, written)
    if as_json:
        print_json(found)
        return
    _show(work, table or ())
    for path in written:
        typer.echo(f"wrote {path}")


def _log(work: Evaluating, written: dict[Path, str]) -> None:
    import mlflow

    if work.version is None or not work.version.run_id:
        return
    client = mlflow.MlflowClient(tracking_uri=work.workspace.mlflow_uri)
    for path in written:
        client.log_artifact(work.version.run_id, str(path), "evaluation")


def _show(work: Evaluating, tables: list[str] | tuple[()]) -> None:
    from journalclip_evaluation.retrieval import summarise

    console = Console()
    head = ("", "R@1", "R@5", "R@10 (95 %)", "chance", "median rank", "pool")
    out = Table(*head, title=f"{work.dataset.manifest.dataset_id}, {work.split}")
    for name, ranked in work.ranks.items():
        for side, found in summarise(ranked):
            low, high = found.r10_ci
            out.add_row(
                f"{name} {side.replace('_', ' ')}", f"{found.r1:.3f}", f"{found.r5:.3f}",
                f"{found.r10:.3f} ({low:.3f} to {high:.3f})", f"{found.chance10:.3f}",
                f"{found.median_rank:g}", str(found.pool),
            )  # fmt: skip
    console.print(out)
    for suite, results in work.classified().items():
        for each in results:
            console.print(
                f"{suite}, {each.protocol}: macro AUROC {each.macro_auroc:.3f} "
                f"({each.macro_auroc_ci[0]:.3f} to {each.macro_auroc_ci[1]:.3f}), accuracy {each.accuracy:.3f}"
            )
    for name in tables:
        rows = work.table(name)
        out = Table(*rows[0], title=name)  # type: ignore[misc] # every row is a dict of text
        for row in rows:
            out.add_row(*row.values())  # type: ignore[union-attr]
        console.print(out)
