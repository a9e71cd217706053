"""``journalclip bench serving``: the server against the bare model, and search against exact search."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json

_CLIENTS = [1, 8, 64]
_VECTORS = [1_000, 100_000, 1_000_000]


def serving(
    clients: Annotated[list[int] | None, typer.Option(help="Numbers of clients; 1, 8 and 64 where left out.")] = None,
    vectors: Annotated[list[int] | None, typer.Option(help="Sizes searched; 1k, 100k and 1M where left out.")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="Seconds for each measurement.")] = 20.0,
    model: Annotated[list[str] | None, typer.Option(help="vit-b-32 or tiny; both where left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Requests a second against the bare model in its largest batch, and search latency with recall, in one run.

    Examples:

        journalclip bench serving --json

        journalclip bench serving --clients 8 --vectors 1000 --seconds 5 --model tiny
    """
    from journalclip_inference.bench.serving import SIZES, measure_throughput
    from journalclip_inference.bench.vectors import measure_search

    rows = [measure_throughput(size, clients or _CLIENTS, seconds) for size in model or list(SIZES)]
    found = [measure_search(size) for size in vectors or _VECTORS]
    if as_json:
        first = asdict(rows[0])
        models = [{**asdict(row), "clients": [asdict(each) for each in row.clients]} for row in rows]
        first["clients"] = models[0]["clients"]
        print_json({**first, "models": models, "search": [asdict(row) for row in found]})
        return
    for row in rows:
        typer.echo(
            f"{row.model}: bare {row.bare_images_s}/s, plain app {row.plain_rps}/s, ratio {row.throughput_ratio}"
        )
        for each in row.clients:
            typer.echo(
                f"  {each.n:>3} clients {each.rps:>8}/s  p50 {each.p50_ms} p95 {each.p95_ms} p99 {each.p99_ms} ms"
            )
    for one in found:
        typer.echo(f"{one.vectors:>9} vectors ({one.index}): recall@10 {one.recall_at_10:.4f}, p95 {one.p95_ms} ms")
