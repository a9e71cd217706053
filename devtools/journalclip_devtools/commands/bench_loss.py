"""``journalclip bench loss``: the soft-target loss in blocks against its printed form."""

from __future__ import annotations

from typing import Annotated

import typer

from journalclip_pipelines.commands.options import print_json


def loss(
    batch: Annotated[int, typer.Option(min=2, help="Pairs in the batch.")] = 8192,
    width: Annotated[int, typer.Option(min=1, help="Width of the features.")] = 512,
    rounds: Annotated[int, typer.Option(min=1, help="Timed pairs of evaluations.")] = 3,
    naive: Annotated[bool, typer.Option(help="Measure the naive form too; it needs about 30 N x N floats.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Memory, time and largest gradient difference of the soft loss, in blocks and naive.

    Examples:

        journalclip bench loss --json

        journalclip bench loss --batch 32768 --no-naive
    """
    from dataclasses import asdict

    from journalclip_devtools.benches.loss import bench

    found = asdict(bench(batch, width, rounds, naive))
    if as_json:
        print_json({"loss": found})
        return
    for key, value in found.items():
        typer.echo(f"{key:>16}  {value}")
