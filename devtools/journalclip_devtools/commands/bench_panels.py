"""``journalclip bench panels``: how well compound figures are split and their subcaptions aligned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_shared.ids import Json

LABELS = Path("services/extraction/tests/data/real_panels.json")


def panels(
    figures: Annotated[int, typer.Option(min=1, help="Synthetic compounds to draw and split.")] = 300,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    corpus: Annotated[Path | None, typer.Option(help="Folder of the real articles: scores the labelled ones.")] = None,
    labels: Annotated[Path, typer.Option(help="Hand-labelled panels of real figures.")] = LABELS,
    as_json: AsJson = False,
) -> None:
    """Panel F1 at IoU 0.5 and the share of accepted figures whose subcaptions are all on their own panels.

    Examples:

        journalclip bench panels --figures 300 --seed 0 --json

        journalclip bench panels --corpus ../shared/corpus/dev --json
    """
    from journalclip_devtools.benches.panels import bench_real, bench_synthetic

    report: dict[str, Json] = {}
    if corpus is not None:
        report["real"] = bench_real(corpus, labels)
    else:
        report["synthetic"] = bench_synthetic(figures, seed)
    if as_json:
        print_json(report)
        return
    for name, result in report.items():
        assert isinstance(result, dict)
        typer.echo(name + ": " + ", ".join(f"{k} {v}" for k, v in result.items() if isinstance(v, int | float)))
