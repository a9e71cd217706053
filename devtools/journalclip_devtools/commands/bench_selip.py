"""``journalclip bench selip``: CLIP, SeLIP's published loss and ours, on a 3-D and a slice tower, over phantoms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_pipelines.progress import reporter


def selip(
    folder: Annotated[
        Path, typer.Option(help="Where each arm's scores are kept; an arm that is there is not run again.")
    ] = Path("selip-ablation"),
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds; intervals are over them.")] = 5,
    size: Annotated[
        Literal["cpu", "gpu"], typer.Option(help="Narrow towers on a small grid, or ResNet-50 for one GPU.")
    ] = "cpu",
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, or `cuda:N`.")] = "auto",
    plot: Annotated[Path | None, typer.Option(help="Write the figures as a PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train each tower by each loss on phantom studies and ask it; differences are paired by seed.

    The pair is one volume with its own text, as SeLIP has it. A run that was stopped goes on where it was.

    Examples:

        journalclip bench selip --seeds 5 --plot selip.png

        journalclip bench selip --size gpu --folder selip-gpu --json
    """
    import torch

    from journalclip_devtools.experiments.ablation.experiment import Ablation
    from journalclip_devtools.experiments.ablation.report import table_of
    from journalclip_devtools.experiments.ablation.sizes import SIZES
    from journalclip_devtools.experiments.pretraining.report import draw_report
    from journalclip_modeling.machine import describe, resolved

    chosen = resolved(device)
    typer.echo(describe(chosen), err=True)
    if chosen == "cpu":
        torch.set_num_threads(1)
    done = [Ablation(seed, folder / size, SIZES[size], reporter(), chosen).run() for seed in range(seeds)]
    rows = table_of(done)
    if plot is not None:
        draw_report([row for row in rows if " against " not in row.arm], plot)
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    table = Table("measure", "tower and loss", "mean (95 % interval)", "difference (95 % interval)")
    for row in rows:
        table.add_row(row.measure, row.arm, row.said(), row.difference_said())
    Console().print(table)
