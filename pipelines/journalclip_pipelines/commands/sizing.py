"""``journalclip sizing``: cores, GPUs and storage for a stream of articles."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import AsJson, print_json


def sizing(
    articles_per_day: Annotated[float, typer.Argument(min=0.0, help="How many come in, on average.")],
    archive: Annotated[float, typer.Option(min=0.0, help="Articles that are there already.")] = 0.0,
    backfill_days: Annotated[float, typer.Option(min=0.1, help="Days to read the archive in.")] = 7.0,
    retrain_days: Annotated[float, typer.Option(min=0.1, help="Days between trainings.")] = 7.0,
    days: Annotated[int, typer.Option(min=0, help="How far ahead storage and training are sized.")] = 365,
    page_ms: Annotated[float, typer.Option(min=0.01, help="CPU a page, by `journalclip bench extraction`.")] = 15.4,
    gpu_pairs: Annotated[float, typer.Option(min=0.1, help="Pairs a second that one of your GPUs trains.")] = 600.0,
    as_json: AsJson = False,
) -> None:
    """Cores, GPUs and storage that a stream of articles needs; give your own measurements where you have them.

    Examples:

        journalclip sizing 200

        journalclip sizing 500 --archive 300000 --backfill-days 14 --gpu-pairs 350 --json
    """
    from journalclip_pipelines.operations.sizing import Costs, Stream, need

    stream = Stream(articles_per_day, archive, retrain_every_days=retrain_days, backfill_days=backfill_days)
    found = need(stream, Costs(page_s=page_ms / 1000, gpu_pairs_per_s=gpu_pairs), days)
    if as_json:
        print_json(asdict(found))
        return
    table = Table("part", "ask for", "value of the chart")
    table.add_row("extraction", f"{found.extraction_cores} cores", "extraction.replicas, parser.resources")
    if archive:
        rows = f"{found.extraction_cores_backfill} cores for {backfill_days:g} days"
        table.add_row("the archive", rows, "extraction.autoscaling.maxReplicas, or journalclip backfill")
    table.add_row("structuring by rules", f"{found.structuring_cores} cores", "structuring.replicas")
    hours = f"{found.gpus} GPUs ({found.gpu_hours_per_training:.1f} GPU hours a training)"
    table.add_row("training", hours, "training.ray.workers")
    table.add_row("search index", f"{found.index_gb:.1f} GB of memory", "inference.resources")
    table.add_row("object store", f"{found.storage_gb:.0f} GB", "objectStore")
    Console().print(table)
    Console().print(f"after {days} days: {found.pairs} pairs. What it rests on: docs/operations/sizing.md")
