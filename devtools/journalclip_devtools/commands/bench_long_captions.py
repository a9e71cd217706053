"""``journalclip bench long-captions``: captions cut at 77 tokens against whole ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_pipelines.progress import reporter


def long_captions(
    seeds: Annotated[int, typer.Option(min=1, help="How often, each with its own pairs and start.")] = 3,
    epochs: Annotated[float, typer.Option(min=0.1, help="Of each training.")] = 32,
    keep: Annotated[Path, typer.Option(help="Where scores are kept; what is there is not run again.")] = Path(
        "long-captions"
    ),
    as_json: AsJson = False,
) -> None:
    """One start trained on long synthetic captions, cut at CLIP's 77 tokens and whole: R@1, paired by query.

    Examples:

        journalclip bench long-captions

        journalclip bench long-captions --seeds 5 --keep long-captions --json
    """
    import numpy as np

    from journalclip_devtools.experiments.long_captions import ARMS, run
    from journalclip_evaluation.bootstrap import Groups, difference, interval

    with reporter().stage("long-captions", total := seeds * len(ARMS)) as stage:
        done = iter(range(1, total + 1))
        found = run(range(seeds), epochs, keep, lambda note: stage.update(next(done), total, note))
    rows: list[dict[str, Any]] = []
    cut, whole = ARMS
    groups = Groups.of([f"{seed} {fact}" for seed, each in enumerate(found[cut]) for fact in each.facts])
    for side in ("image_to_text", "text_to_image"):
        values = {arm: np.array([x for each in found[arm] for x in getattr(each, side)]) for arm in ARMS}
        row: dict[str, Any] = {"direction": side}
        for arm in ARMS:
            low, high = interval(values[arm][:, None], groups)[0]
            row[arm] = {"r1": float(values[arm].mean()), "low": low, "high": high}
        row["whole_minus_cut"] = asdict(difference(values[cut], values[whole], groups))
        rows.append(row)
    shares: dict[str, float] = {arm: float(np.mean([each.tokens_cut for each in found[arm]])) for arm in ARMS}
    if as_json:
        print_json({"tokens_cut": dict(shares), "rows": rows})
        return
    for arm in ARMS:
        typer.echo(f"{arm}: {shares[arm]:.1%} of all tokens cut")
    for row in rows:
        for arm in ARMS:
            one = row[arm]
            typer.echo(f"{row['direction']}, {arm}: R@1 {one['r1']:.3f} ({one['low']:.3f} to {one['high']:.3f})")
        apart = row["whole_minus_cut"]
        typer.echo(f"  whole minus cut {apart['mean']:+.3f} ({apart['low']:+.3f} to {apart['high']:+.3f})")
