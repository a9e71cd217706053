"""``journalclip sweep RECIPE``: a search for the best settings of a recipe on one frozen dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.operations.installation import Installation
    from journalclip_shared.events import DatasetFrozen
    from journalclip_training.sweep.trial import Swept


def sweep(
    recipe: Annotated[str, typer.Argument(help="A recipe's name.")],
    dataset: Annotated[str, typer.Option(help="A frozen dataset's id (`ds_...`).")],
    trials: Annotated[int, typer.Option(min=1, help="How many; the first is the recipe as it is.")] = 12,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="KEY=A,B,C or KEY=LOW..HIGH (logarithmic); may repeat. Default: rate, length, loss and alpha. A start "
            "is `model.base=A,B`, a resolution `model.scratch.image_size=224,336`."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value over the recipe in every trial; may repeat.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the trials.")] = 0,
    at_once: Annotated[
        int, typer.Option(min=0, help="Trials at a time, by Ray Tune; 0: one after the other, in this process.")
    ] = 0,
    ray: Annotated[str, typer.Option(help="The Ray cluster's address; `local` starts one here.")] = "local",
    gpus: Annotated[float, typer.Option(min=0, help="GPUs of one trial on Ray.")] = 0.0,
    candidate: Annotated[
        bool, typer.Option(help="Train the winner as `journalclip train` does: registered, open to promotion.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="Where trials are kept. Default: `sweeps` in the working folder.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="The plot; default: `sweep.png` beside the trials.")] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, or `cuda:N`.")] = "auto",
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Train a recipe with varied settings, and compare the trials by recall on the validation split.

    A trial is done once: a sweep that was stopped goes on where it was and gives the same table. The winner's score is
    the best of many on few pairs and flatters it; `journalclip evaluate` measures it on the test split.

    Examples:

        journalclip sweep demo --dataset ds_... --trials 12

        journalclip sweep cns_clip_vit_b32 --dataset ds_... --over optim.lr=1e-6..1e-4 --over model.base=A,B

        journalclip sweep selip_paper --dataset ds_... --trials 24 --at-once 4 --ray auto --gpus 1
    """
    from journalclip_modeling.machine import describe, resolved
    from journalclip_pipelines.interrupt import resumable
    from journalclip_pipelines.operations.installation import Installation
    from journalclip_pipelines.progress import reporter
    from journalclip_training.start import frozen_dataset
    from journalclip_training.sweep.report import best, draw_sweep, rows_of
    from journalclip_training.sweep.run import OnTune, run_sweep

    # On Ray a trial finds its own machine's device, which this one may not have.
    chosen = device if at_once else resolved(device)
    typer.echo(f"device: {device}, of each trial's own machine" if at_once else describe(chosen), err=True)
    there = Installation.open(workdir, "articles")  # log and store are one for all kinds
    frozen, fixed = frozen_dataset(there.store, dataset), tuple(settings or ())
    swept, drawn = _asked(there, frozen, recipe, fixed, over or [], trials, seed, chosen)
    folder = out or workdir / "sweeps" / f"{recipe}-{dataset}"
    tune = OnTune(ray, at_once, gpus) if at_once else None
    with resumable("the same command"), reporter().stage("sweep", trials) as stage:
        done = run_sweep(swept, drawn, folder, stage.update, tune)
    picture = plot or folder / "sweep.png"
    draw_sweep(done, picture)
    winner = best(done)
    settled = (*fixed, *winner.overrides)
    trained = _candidate(there, frozen, recipe, settled, resolved(device)) if candidate else {}
    rows = rows_of(done)
    if as_json:
        said_of: dict[str, object] = {
            "trials": rows, "winner": winner.number, "settings": settled, "plot": str(picture), "candidate": trained,
        }  # fmt: skip
        print_json(said_of)  # type: ignore[arg-type]  # what an event holds is JSON
        return
    table = Table(*rows[0], title=f"{recipe} on {dataset}, best first")
    for row in rows:
        table.add_row(*(str(each) for each in row.values()))
    Console().print(table)
    typer.echo(f"wrote {picture}")
    changes = "".join(f" --set {each}" for each in settled)
    said = f"journalclip train --recipe {recipe} --dataset {dataset}{changes}"
    typer.echo(f"candidate {trained['model_id']}, as by: {said}" if trained else f"the winner: {said}")


def _asked(
    there: Installation,
    frozen: DatasetFrozen,
    recipe: str,
    fixed: tuple[str, ...],
    over: Sequence[str],
    trials: int,
    seed: int,
    device: str,
) -> tuple[Swept, list[tuple[str, ...]]]:
    """What is searched, and the settings of each trial. Raises `RecipeUnknown`, `SettingInvalid`."""
    from journalclip_pipelines.local.articles import LocalArticles
    from journalclip_pipelines.local.studies import LocalStudies
    from journalclip_training.config import RunOptions
    from journalclip_training.recipes import configure
    from journalclip_training.sweep.space import axis, default_axes, draws
    from journalclip_training.sweep.trial import Swept

    config = configure(recipe, fixed, frozen.kind)
    axes = [axis(each) for each in over] or default_axes(config)
    kind = (LocalStudies() if frozen.kind == "studies" else LocalArticles()).training()
    options = RunOptions(device=device)
    swept = Swept(kind, there.store, frozen.manifest, frozen.dataset_id, recipe, fixed, options)
    return swept, draws(config, axes, trials, seed)


def _candidate(
    there: Installation, frozen: DatasetFrozen, recipe: str, settings: tuple[str, ...], device: str
) -> dict[str, object]:
    """The winner, through the one way that any training takes."""
    from journalclip_pipelines.commands.train import request_training
    from journalclip_training.recipes import configure

    return request_training(there, frozen, configure(recipe, settings, frozen.kind), settings, None, device)
