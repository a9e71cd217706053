"""``journalclip bench training``, ``similarity`` and ``forgetting``: the trainer's speed and its two studies."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_pipelines.progress import reporter


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
    from journalclip_devtools.benches.training import CONTEXT, bench
    from journalclip_modeling.scratch_config import ScratchConfig

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


Keep = Annotated[
    Path | None, typer.Option(help="Folder that keeps each run's scores: a study that was cut off goes on from there.")
]


def similarity(
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 0.")] = 5,
    epochs: Annotated[float, typer.Option(help="Of 512 pairs; larger worlds have as many steps.")] = 32,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also vary alpha, lambda, tau_s, the measures and the world.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help="Only the arms whose name contains this; repeatable.")] = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Losses compared on a synthetic world of paraphrased near-duplicates, all else equal; means and 95 % intervals.

    Examples:

        journalclip bench similarity --ablation --keep similarity-study

        journalclip bench similarity --only clip --only soft --seeds 3
    """
    from journalclip_devtools.experiments.similarity import ablation_arms, main_arms, study

    arms = main_arms() | (ablation_arms() if ablation else {})
    if only:
        arms = {name: arm for name, arm in arms.items() if any(part in name for part in only)}
    with _folder(keep) as folder, reporter().stage("similarity", total := len(arms) * seeds) as stage:
        done = itertools.count(1)
        for row in study(arms, range(seeds), epochs, folder, lambda note: stage.update(next(done), total, note)):
            if as_json:
                print_json(asdict(row))
                continue
            columns = (("R@1", row.recall_at_1), ("mAP", row.mean_average_precision), ("best", row.best_recall_at_1))
            cells = (f"{name} {mean:.3f} ({low:.3f} to {high:.3f})" for name, (mean, low, high) in columns)
            typer.echo("  ".join((f"{row.name:>24}", *cells)))


def forgetting(
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 0.")] = 5,
    only: Annotated[list[str] | None, typer.Option(help="Only the ways whose name contains this; repeatable.")] = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """What fine-tuning on a shifted domain costs in general ability, and what weight interpolation keeps.

    Example: `journalclip bench forgetting --keep forgetting-study`
    """
    from journalclip_devtools.experiments.forgetting import study, ways

    chosen = {name: way for name, way in ways().items() if not only or any(part in name for part in only)}
    total = len(chosen) * seeds
    with _folder(keep) as folder, reporter().stage("forgetting", total) as stage:
        done = itertools.count(1)
        for row in study(chosen, range(seeds), folder, lambda note: stage.update(next(done), total, note)):
            if as_json:
                print_json(asdict(row))
                continue
            columns = (("tuned", row.tuned_loss), ("kept", row.general_loss), ("gain kept", row.kept_gain))
            cells = (f"{name} {mean:.3f} ({low:.3f} to {high:.3f})" for name, (mean, low, high) in columns)
            typer.echo("  ".join((f"{row.name:>16}", *cells)))


def kills(
    ranks: Annotated[int, typer.Option(min=1, help="Processes that train together.")] = 2,
    deaths: Annotated[int, typer.Option("--kills", min=1, max=50, help="Random steps that one of them dies at.")] = 20,
    after: Annotated[int | None, typer.Option(min=1, help="Processes after the first death; else as many.")] = None,
    seed: Annotated[int, typer.Option(help="Draws the steps.")] = 0,
    as_json: AsJson = False,
) -> None:
    """A tiny run on several processes, one of which is killed with SIGKILL at random steps, against an undisturbed one.

    Examples:

        journalclip bench kills --json

        journalclip bench kills --ranks 3 --after 2
    """
    from dataclasses import replace

    from journalclip_devtools.doubles.squares import tiny_config
    from journalclip_devtools.doubles.training_kills import kill_study

    config = tiny_config(epochs=20, ema=0.9)  # 60 steps
    config = replace(config, data=replace(config.data, augment=0.5), model=replace(config.model, patch_dropout=0.3))
    with tempfile.TemporaryDirectory() as folder:
        steps = random.Random(seed).sample(range(1, 60), deaths)  # noqa: S311 - a draw, no secret
        found = asdict(kill_study(config, ranks, steps, Path(folder), after))
    if as_json:
        print_json({"kills": found})
        return
    for key, value in found.items():
        typer.echo(f"{key:>26}  {value}")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """``keep``, or a folder that goes with the command."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
