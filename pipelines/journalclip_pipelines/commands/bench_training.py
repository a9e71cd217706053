"""``journalclip bench training``, ``similarity`` and ``forgetting``: the trainer's speed and its two studies."""

from __future__ import annotations

from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json


def training(
    batch: Annotated[int, typer.Option(min=2)] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Timed pairs of steps.")] = 5,
    image_size: Annotated[int, typer.Option()] = 112,
    patch_size: Annotated[int, typer.Option()] = 16,
    width: Annotated[int, typer.Option()] = 192,
    layers: Annotated[int, typer.Option()] = 4,
    heads: Annotated[int, typer.Option()] = 3,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    bf16: Annotated[bool, typer.Option("--bf16", help="Both towers in bfloat16.")] = False,
    as_json: AsJson = False,
) -> None:
    """Our training step and open_clip's, side by side on the same towers and batch; and the loader alone.

    Examples:

        journalclip bench training --json

        journalclip bench training --device cuda --bf16 --batch 512 --image-size 224 --patch-size 32 --width 768 \
            --layers 12 --heads 12
    """
    from dataclasses import asdict

    from journalclip_modeling.scratch import ScratchConfig
    from journalclip_training.bench.training import CONTEXT, bench

    sizes = ScratchConfig(
        image_size=image_size,
        patch_size=patch_size,
        width=width,
        layers=layers,
        heads=heads,
        dim=width,
        context=CONTEXT,
    )
    found = asdict(bench(batch, steps, sizes, device, bf16=bf16))
    if as_json:
        print_json({"training": found})
        return
    for key, value in found.items():
        typer.echo(f"{key:>24}  {value}")


def similarity(
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 0.")] = 5,
    epochs: Annotated[float, typer.Option()] = 30,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also vary alpha, lambda, tau_s and the syntax.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Losses compared on a synthetic world of paraphrased near-duplicates, all else equal; means and 95 % intervals.

    Example: `journalclip bench similarity --ablation`
    """
    from dataclasses import asdict

    from journalclip_training.study.similarity import ablation_rows, main_rows, study

    losses = main_rows() | (ablation_rows() if ablation else {})
    for row in study(losses, range(seeds), epochs, lambda message: typer.echo(message, err=True)):
        if as_json:
            print_json(asdict(row))
        else:
            (r, low, high), (mean, _, _) = row.recall_at_1, row.mean_average_precision
            typer.echo(f"{row.name:>22}  R@1 {r:.3f} ({low:.3f} to {high:.3f})  mAP {mean:.3f}")


def forgetting(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 0.")] = 3,
    epochs: Annotated[float, typer.Option(help="Of the general training; tuning takes half.")] = 40,
    as_json: AsJson = False,
) -> None:
    """What fine-tuning on a shifted domain costs in general ability, and what weight interpolation keeps.

    Example: `journalclip bench forgetting --seeds 3`
    """
    from dataclasses import asdict

    from journalclip_training.study.forgetting import forgetting as study

    for seed in range(seeds):
        found = study(seed, epochs=epochs)
        if as_json:
            row = {"seed": seed, "kept_gain": found.kept_gain, "general_loss": found.general_loss}
            print_json({**row, "kept": asdict(found.kept), "points": [asdict(point) for point in found.points]})
        else:
            typer.echo(f"seed {seed}: general {found.start.general:.3f} -> tuned {found.tuned.general:.3f}")
            typer.echo(f"  domain {found.start.domain:.3f} -> tuned {found.tuned.domain:.3f}")
            kept = (
                f"alpha {found.kept.alpha:g}: {found.kept_gain:.1%} of the gain, {found.general_loss:+.4f} general lost"
            )
            typer.echo(f"  kept {kept}")
