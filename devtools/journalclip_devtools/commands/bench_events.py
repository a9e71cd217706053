"""``journalclip bench backbone`` and ``bench ingestion``: what the backbone costs, by event and by article.

The first drains a backlog beside a bare kafka-python loop and times events through a chain without work; the second
times articles from the bucket to search.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import AsJson, print_json


def backbone(
    events: Annotated[int, typer.Option(help="Size of the backlog.", min=1000)] = 1_000_000,
    latencies: Annotated[int, typer.Option(help="Events whose way through three services is timed.", min=20)] = 300,
    servers: Annotated[str, typer.Option(help="A running Kafka, HOST:PORT; else one is started.")] = "",
    as_json: AsJson = False,
) -> None:
    """Drain a backlog with three restarts, and time events through a chain of services.

    Examples:

        journalclip bench backbone --json

        journalclip bench backbone --events 100000 --servers 127.0.0.1:9092
    """
    from journalclip_devtools.benches.events import bench
    from journalclip_pipelines.progress import reporter
    from journalclip_shared.settings import KafkaSettings

    score = bench(events, latencies, KafkaSettings(servers=servers) if servers else None, reporter())
    if as_json:
        print_json(score.as_json())
        return
    for key, value in score.as_json().items():
        typer.echo(f"{key:>20}  {value}")


def ingestion(
    articles: Annotated[int, typer.Option(help="Articles that are timed, one by one.", min=1)] = 20,
    first: Annotated[int, typer.Option(help="Articles that the first champion is made of.", min=3)] = 6,
    workdir: Annotated[
        Path | None, typer.Option(help="Where servers, logs and articles go; else a folder that is removed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put synthetic articles into the bucket and time each stage until a search returns them.

    Real Kafka, MinIO and MLflow, every service as a process of its own. Overhead is all but the handlers' own seconds.

    Examples:

        journalclip bench ingestion

        journalclip bench ingestion --articles 40 --json
    """
    import tempfile

    from journalclip_devtools.benches.ingestion import bench as run
    from journalclip_pipelines.progress import reporter

    with tempfile.TemporaryDirectory(prefix="journalclip-ingestion-") as temporary:
        found = run(workdir or Path(temporary), articles, first, reporter())
    if as_json:
        print_json(found.as_json())
        return
    table = Table("article", "announce", "extract", "structure", "search", "handlers' work", "overhead")
    names = ("announce", "extract", "structure", "search", "compute")
    for each in found.passages:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else value for value in each.values()))
    for share, stages, overhead in (
        ("median", found.stages_p50_s, found.overhead_p50_s), ("p95", found.stages_p95_s, found.overhead_p95_s)
    ):  # fmt: skip
        table.add_row(share, *(f"{stages[name]:.2f}" for name in names), f"{overhead:.2f}", style="bold")
    Console().print(table)
    Console().print(f"seconds; bucket to search {found.total_p50_s:.2f} at the median, {found.total_p95_s:.2f} at p95")
