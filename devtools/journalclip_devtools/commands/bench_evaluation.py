"""``journalclip bench evaluation`` compares a large retrieval evaluation with bare matrix products: memory and time."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json


def evaluation(
    pairs: Annotated[int, typer.Option(min=2, help="Image-text pairs in the pool.")] = 1_000_000,
    dim: Annotated[int, typer.Option(min=2, help="Length of a vector.")] = 512,
    queries: Annotated[int, typer.Option(min=0, help="Random queries in each direction; 0 uses all pairs.")] = 2_000,
    seed: int = 0,
    as_json: AsJson = False,
) -> None:
    """Rank synthetic pairs from files in both directions, and report memory and time.

    Examples: `journalclip bench evaluation --json`, `journalclip bench evaluation --dim 64 --queries 0`
    """
    from journalclip_devtools.benches.evaluation import Size, bench

    with tempfile.TemporaryDirectory(prefix="journalclip-bench-") as folder:
        found = bench(Size(pairs, dim, queries, seed), Path(folder))
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        typer.echo(f"{key:>14}  {value}")
