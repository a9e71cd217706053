"""``journalclip train``: one recipe on one frozen dataset of a working folder."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_training.config import TrainConfig
    from journalclip_training.plan import Plan


def train(
    recipe: Annotated[str, typer.Option(help="A recipe's name.")],
    dataset: Annotated[str, typer.Option(help="A frozen dataset's id (`ds_...`).")] = "",
    workdir: Workdir = DEFAULT_WORKDIR,
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value over the recipe; may repeat.")] = None,
    general_reference: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of class folders of pictures: what the run must not forget."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Print steps, memory and time expected; train nothing.")] = False,
    pairs: Annotated[
        int,
        typer.Option(min=0, help="With --dry-run and no dataset: the plan on one A100 for so many pairs, estimated."),
    ] = 0,
    device: Annotated[
        str, typer.Option(help="`auto` (the GPU where there is one), `cpu`, `cuda`, `cuda:1` ...")
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a candidate and register it. The same recipe on the same dataset again trains nothing.

    Examples:

        journalclip train --recipe demo --dataset ds_... --dry-run

        journalclip train --recipe demo --dataset ds_... --set optim.epochs=5 --set loss.kind=soft

        journalclip train --recipe cns_clip_vit_b32 --dry-run --pairs 24021

        journalclip train --recipe cns_clip_vit_b32 --dataset ds_... --general-reference pictures-by-class
    """
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_training.config import with_settings
    from journalclip_training.recipes import recipe as named

    if pairs and not dataset and dry_run:
        estimated = _estimate(recipe, settings or [], pairs)
        if as_json:
            print_json(estimated)  # type: ignore[arg-type]  # numbers and words
        else:
            for key, value in estimated.items():
                typer.echo(f"{key:>18}  {value}")
        return
    if not dataset:
        raise typer.BadParameter("a dataset is needed, or --dry-run with --pairs", param_hint="--dataset")
    config = with_settings(named(recipe), settings or [])
    workspace = Workspace.existing(workdir)
    if dry_run:
        expected = _plan(workspace, config, dataset, device)
        found = {**asdict(expected), "config": asdict(config)} if as_json else _readable(expected)
    else:
        found = _train(workspace, config, dataset, general_reference, device)
    if as_json:
        print_json(found)  # type: ignore[arg-type]
        return
    for key, value in found.items():
        typer.echo(f"{key:>18}  {value}")


def _estimate(recipe: str, settings: list[str], pairs: int) -> dict[str, object]:
    """What a recipe takes on one A100, counted on tensors without memory; nothing is loaded."""
    from journalclip_training.footprint import A100, SHARE_OF_PEAK, estimate

    found, steps = estimate(recipe, settings, pairs)
    return {
        "pairs": pairs,
        "batch": found.batch,
        "micro_batch": found.micro,
        "weights": found.parameters,
        "trainable": found.trainable,
        "steps": steps,
        "peak_gb": round(found.peak_bytes / 1e9, 1),
        "fits": f"{'fits' if found.fits(A100) else 'does NOT fit'} one {A100.name}",
        "hours_estimated": round(steps * found.seconds(A100) / 3600, 2),
        "estimated_from": f"{found.operations / 1e12:.1f} counted TFLOP a step, {SHARE_OF_PEAK:.0%} (assumed) of"
        f" {A100.peak / 1e12:.0f} TFLOP/s; not measured, loading not counted",
    }


def _plan(workspace: Workspace, config: TrainConfig, dataset: str, device: str) -> Plan:
    from journalclip_modeling.data import FrozenDataset
    from journalclip_training.config import RunOptions
    from journalclip_training.machine import resolved
    from journalclip_training.plan import plan
    from journalclip_training.start import frozen_dataset

    frozen = frozen_dataset(workspace.store, dataset)
    return plan(config, FrozenDataset.open(workspace.store, frozen.manifest), RunOptions(device=resolved(device)))


def _readable(expected: Plan) -> dict[str, object]:
    """The plan in the units that people think in."""
    return {
        "pairs": f"{expected.pairs:,} in batches of {expected.batch:,}",
        "start": expected.base,
        "weights": f"{expected.parameters:,}, of which {expected.trainable:,} move",
        "steps": f"{expected.steps:,} of {expected.seconds_per_step:.2f} s",
        "time": str(timedelta(seconds=round(expected.seconds))),
        "memory": f"{expected.peak_bytes / 2**30:.1f} GiB at its peak, {expected.state_bytes / 2**30:.1f} GiB of it"
        " weights and their moments",
    }


def _train(
    workspace: Workspace, config: TrainConfig, dataset: str, reference: Path | None, device: str
) -> dict[str, object]:
    from journalclip_pipelines.progress import reporter
    from journalclip_shared.events import Event
    from journalclip_shared.signing import load_signer
    from journalclip_training.config import RunOptions
    from journalclip_training.handler import TrainingHandler
    from journalclip_training.machine import describe, resolved
    from journalclip_training.reference import FolderReference
    from journalclip_training.start import frozen_dataset
    from journalclip_training.tracking import MlflowTracking

    frozen, chosen = frozen_dataset(workspace.store, dataset), resolved(device)
    typer.echo(describe(chosen), err=True)
    with workspace.lock(), reporter().stage("train", 1) as bar:
        handler = TrainingHandler(
            store=workspace.store,
            registry=workspace.registry,
            config=config,
            workdir=workspace.scratch,
            tracking=MlflowTracking(workspace.mlflow_uri),
            general=FolderReference(reference) if reference is not None else None,
            signer=load_signer(None, workspace.keys),
            options=RunOptions(device=chosen),
            progress=lambda step, total, loss: bar.update(step, total, f"loss {loss:.3f}"),
        )
        facts = list(handler.handle(Event(frozen, "journalclip train")))
        workspace.bus.publish([Event(fact, handler.group) for fact in facts])
    return facts[0].model_dump(mode="json")
