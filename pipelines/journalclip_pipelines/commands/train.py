"""``journalclip train``: one recipe on one frozen dataset of a working folder."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import DatasetFrozen, Event, ModelTrained, SourceQuarantined
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.records.model import ModelManifest

if TYPE_CHECKING:
    from journalclip_pipelines.operations.installation import Installation
    from journalclip_training.config import RunConfig, TrainConfig
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
    """Ask for a training of a frozen dataset, of any kind; in a working folder, train at once.

    The same dataset, recipe and settings train once, whoever asks. Where that training failed, asking again is a new
    attempt.

    Examples:

        journalclip train --recipe demo --dataset ds_... --dry-run

        journalclip train --recipe demo --dataset ds_... --set optim.epochs=5 --set loss.kind=soft

        journalclip train --recipe cns_clip_vit_b32 --dry-run --pairs 24021

        journalclip train --recipe cns_clip_vit_b32 --dataset ds_... --general-reference pictures-by-class
    """
    from journalclip_pipelines.operations.installation import Installation
    from journalclip_training.recipes import configure
    from journalclip_training.start import frozen_dataset

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
    there = Installation.open(workdir, "articles")  # log and store are one for all kinds
    frozen = frozen_dataset(there.store, dataset)
    config = configure(recipe, settings or [], frozen.kind)
    if dry_run:
        from journalclip_training.config import TrainConfig

        if not isinstance(config, TrainConfig):
            raise PermanentError(
                "dry-run-unknown",
                f"there is no dry run for {frozen.kind}",
                "Train with optim.epochs=1 to see its pace.",
            )
        expected = _plan(there, config, frozen, device)
        found = {**asdict(expected), "config": asdict(config)} if as_json else _readable(expected)
    else:
        found = request_training(there, frozen, config, tuple(settings or ()), general_reference, device)
    if as_json:
        print_json(found)  # type: ignore[arg-type]
        return
    for key, value in found.items():
        typer.echo(f"{key:>18}  {value}")


def _estimate(recipe: str, settings: list[str], pairs: int) -> dict[str, object]:
    """What a recipe takes on one A100, counted on tensors without memory; nothing is loaded."""
    from journalclip_training.footprint import SHARE_OF_PEAK, estimate
    from journalclip_training.gpus import A100

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


def _plan(there: Installation, config: TrainConfig, frozen: DatasetFrozen, device: str) -> Plan:
    from journalclip_modeling.data import FrozenDataset
    from journalclip_modeling.machine import resolved
    from journalclip_training.config import RunOptions
    from journalclip_training.plan import plan

    return plan(config, FrozenDataset.open(there.store, frozen.manifest), RunOptions(device=resolved(device)))


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


def request_training(
    there: Installation,
    frozen: DatasetFrozen,
    config: RunConfig,
    overrides: tuple[str, ...],
    reference: Path | None,
    device: str,
) -> dict[str, object]:
    """The request, and in a working folder the model. Raises `PermanentError` as the training did."""
    from journalclip_training.requests import ask

    asked = ask(there.bus, frozen, config.recipe, overrides, getpass.getuser())
    there.bus.publish([Event(asked, "journalclip train")])
    if there.settings.bus != "sqlite":
        return {"asked": asked.model_dump(mode="json")}
    _drain(there, frozen.kind, reference, device)
    for fact in facts_of(there.bus, ModelTrained):
        if fact.dataset_id == frozen.dataset_id:
            model = ModelManifest.model_validate_json(there.store.get(fact.manifest))
            if model.config == config.canonical().decode():
                return fact.model_dump(mode="json")
    failed = [fact for fact in facts_of(there.bus, SourceQuarantined) if fact.source_id == asked.request_id]
    if not failed:
        raise TransientError(f"{asked.request_id} is not trained yet")
    raise PermanentError(failed[-1].code, failed[-1].reason, failed[-1].remedy)


def _drain(there: Installation, kind: Kind, reference: Path | None, device: str) -> None:
    from journalclip_pipelines.local.articles import LocalArticles
    from journalclip_pipelines.local.handlers import training_stage
    from journalclip_pipelines.local.stages import drain
    from journalclip_pipelines.local.studies import LocalStudies
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter
    from journalclip_training.reference import FolderReference

    workspace = Workspace(there.settings.workdir)
    general = FolderReference(reference) if reference is not None else None
    local = LocalStudies() if kind == "studies" else LocalArticles(general=general)
    with workspace.lock():
        drain(workspace.bus, training_stage(workspace, local, device), reporter())
