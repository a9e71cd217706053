"""``journalclip bench mri``: similarity-enhanced loss, plain CLIP and no pretraining, compared on phantom studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_pipelines.progress import reporter


def mri(
    folder: Annotated[
        Path, typer.Option(help="Where each part's scores are kept; a part that is there is not run again.")
    ] = Path("mri-study"),
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds; intervals are over them.")] = 5,
    subsets: Annotated[
        bool, typer.Option("--subsets", help="Also the loss of quality for every subset of sequences.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Write the figures as a PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pretrain by each loss, then retrieve, classify from few labels, and segment from 1 % and 10 % of the labels.

    A seed takes about a quarter of an hour of one core.

    Examples:

        journalclip bench mri --seeds 5 --plot mri.png

        journalclip bench mri --folder mri-study --json
    """
    import torch

    from journalclip_devtools.experiments.pretraining.experiment import Experiment, Sizes
    from journalclip_devtools.experiments.pretraining.report import draw_report, table_of

    torch.set_num_threads(1)
    done = []
    for seed in range(seeds):
        experiment = Experiment(seed, folder, Sizes(), reporter())
        found = experiment.run()
        done.append(found | ({"subsets": experiment.subsets()} if subsets else {}))
    rows = table_of(done)
    if plot is not None:
        draw_report(rows, plot)
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    table = Table("measure", "start or loss", "mean (95 % interval)", "minus the baseline (95 % interval)")
    for row in rows:
        table.add_row(row.measure, row.arm, row.said(), row.difference_said())
    Console().print(table)
