"""``journalclip bench real-pairs``: real weights on real figures, against the same shape from nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_pipelines.progress import reporter


def real_pairs(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="PDFs and packages, or folders of them; or a figures.jsonl with its pictures beside it.",
            metavar="PATH...",
        ),
    ],
    keep: Annotated[
        Path, typer.Option(help="Where figures and each fold's scores are kept; what is there is not done again.")
    ] = Path("real-pairs"),
    folds: Annotated[int, typer.Option(min=2, help="By article.")] = 5,
    epochs: Annotated[
        float, typer.Option(min=0, help="Of the model that trains all weights from nothing; 0 leaves it out.")
    ] = 4,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="key=value over the recipe.")] = None,
    as_json: AsJson = False,
) -> None:
    """Real weights trained by the recipe `demo_packaged`, untouched, and the same shape from nothing: R@10, both ways.

    Every figure is asked for once, by the model of the fold that has not seen its article.

    Examples:

        journalclip bench real-pairs corpus/dev corpus/dev2 corpus/figures/figures.jsonl --keep real-pairs

        journalclip bench real-pairs papers/ --epochs 0 --json
    """
    import numpy as np
    import torch

    from journalclip_devtools.experiments.real_pairs import (
        ARMS,
        K,
        RealPairs,
        compared,
        labelled_pairs,
        listed_pairs,
        read,
        usable,
    )
    from journalclip_evaluation.bootstrap import Groups, interval
    from journalclip_evaluation.retrieval import SIDES
    from journalclip_shared.deliveries import iter_deliveries

    torch.set_num_threads(1)
    keep.mkdir(parents=True, exist_ok=True)
    listings = [path for path in sources if path.suffix == ".jsonl"]
    files = list(iter_deliveries([path for path in sources if path not in listings]))
    with reporter().stage("extract", len(files)) as stage:
        read(files, keep, lambda done: stage.update(done, len(files)))
    found = [*listed_pairs(keep, files), *(each for listing in listings for each in labelled_pairs(listing))]
    kept, dropped = usable(found)
    study = RealPairs(tuple(kept), keep, folds, epochs, tuple(overrides or ()))
    arms = [arm for arm in ARMS if epochs or arm != "nothing, all weights"]
    with reporter().stage("real-pairs", total := len(arms) * folds) as stage:
        done = iter(range(1, total + 1))
        hits = study.run(arms, lambda note: stage.update(next(done), total, note))
    rows: list[dict[str, Any]] = []
    for arm in arms:
        articles = Groups.of([name for each in hits[arm] for name in each.articles])
        for side in SIDES:
            values = np.array([x for each in hits[arm] for x in getattr(each, side)])
            low, high = interval(values[:, None], articles)[0]
            row: dict[str, Any] = {
                "arm": arm, "direction": side, f"r{K}": float(values.mean()), "low": low, "high": high,
                "chance": float(np.average([each.chance for each in hits[arm]], weights=[e.pool for e in hits[arm]])),
                "cpu_s": sum(each.seconds for each in hits[arm]),
            }  # fmt: skip
            if arm != "tuned":
                row["tuned_minus_it"] = asdict(compared(hits, "tuned", arm, side))
            rows.append(row)
    pools = [each.pool for each in hits[arms[0]]]
    head: dict[str, Any] = {
        "pairs": len(kept),
        "articles": len({each.article for each in kept}),
        "left_out": dropped,
        "pools": pools,
    }
    if as_json:
        print_json({**head, "rows": rows})
        return
    typer.echo(f"{head['pairs']} pairs of {head['articles']} articles; left out: {dropped}; pools {pools}")
    table = Table("model", "direction", f"R@{K} (95 % interval)", "chance", "tuned minus it", "CPU s")
    for row in rows:
        delta = row.get("tuned_minus_it")
        apart = f"{delta['mean']:+.3f} ({delta['low']:+.3f} to {delta['high']:+.3f})" if isinstance(delta, dict) else ""
        share = f"{row[f'r{K}']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        table.add_row(
            str(row["arm"]), str(row["direction"]).replace("_", " "), share, f"{row['chance']:.3f}", apart,
            f"{row['cpu_s']:.0f}",
        )  # fmt: skip
    Console(width=140).print(table)
