"""``journalclip bench backbone``: the consume loop beside a bare kafka-python loop, and the chain's own latency."""

from __future__ import annotations

from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson


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
    import json

    from journalclip_pipelines.backbone.bench import bench
    from journalclip_pipelines.progress import reporter
    from journalclip_shared.settings import KafkaSettings

    score = bench(events, latencies, KafkaSettings(servers=servers) if servers else None, reporter())
    if as_json:
        typer.echo(json.dumps(score.as_json()))
        return
    for key, value in score.as_json().items():
        typer.echo(f"{key:>20}  {value}")
