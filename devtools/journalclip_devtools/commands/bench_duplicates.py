"""``journalclip bench duplicates``: altered copies of a scan's slices, and slices taken for one another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json


def duplicates(
    volume: Annotated[Path, typer.Argument(exists=True, help="A NIfTI volume, sliced along its third axis.")],
    slices: Annotated[int, typer.Option(min=2, help="How many slices at most.")] = 40,
    step: Annotated[int, typer.Option(min=1, help="Voxels from one slice to the next.")] = 3,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Copies found after crop, mirror, brightness and recompression, and the share of false pairs among the slices.

    Example: `journalclip bench duplicates head.nii.gz --json`
    """
    from journalclip_devtools.benches.duplicates import bench_duplicates

    report = bench_duplicates(volume, slices, step, seed)
    if as_json:
        print_json(report)
        return
    for name, value in report.items():
        typer.echo(f"{name}: {value}")
