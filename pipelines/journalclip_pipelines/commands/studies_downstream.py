"""``journalclip studies downstream``: a pretrained study model against none, on labelled cases of one's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.records.report import SequenceName

if TYPE_CHECKING:
    from journalclip_pipelines.downstream.report import CurvePoint


def downstream(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="PATH/CLASS/CASE/CASE_{t1,t1ce,t2,flair,seg}.nii.gz, as in BraTS."),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="In place of PATH: a frozen dataset of studies, whose reports are the labels.")
    ] = "",
    finding: Annotated[
        str, typer.Option(help="With --dataset: the finding that studies are told apart by, as it is coded.")
    ] = "",
    model: Annotated[
        str, typer.Option(help="A study model's folder; or champion, candidate, previous: that of the working folder.")
    ] = "champion",
    task: Annotated[Literal["classify", "segment", "both"], typer.Option(help="What is learnt.")] = "both",
    sequences: Annotated[
        str, typer.Option(help="Only these of the model's sequences, as T1CE alone in SeLIP's protocol; empty: all.")
    ] = "",
    fractions: Annotated[str, typer.Option(help="Shares of the training labels, at least one case a class.")] = (
        "0.01,0.1,1"
    ),
    seeds: Annotated[int, typer.Option(min=2, help="Splits and starts; intervals are over them.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training an arm, whatever its share of labels.")] = 200,
    batch: Annotated[int, typer.Option(min=1, help="Cases a step.")] = 8,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, or `cuda:N`.")] = "auto",
    out: Annotated[
        Path, typer.Option(help="Where finished arms and cases on the grid are kept; what is there is not run again.")
    ] = Path("mri-downstream"),
    plot: Annotated[Path | None, typer.Option(help="Write the curves as a PNG.")] = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Classify and segment labelled cases from few labels and from all, pretrained against from scratch.

    The class is the folder above a case: HGG and LGG in BraTS 2019, or any of your own. A label map (CASE_seg)
    holds 1 core, 2 oedema, 4 or 3 enhancing. Three of ten patients a class are test cases, drawn by seed. Cases stay
    where they lie; none may have been in the model's own training. With --dataset the cases are the studies of its
    validation and test splits, and the label is whether a study's report asserts --finding. Classes are told by a
    linear probe on frozen vectors and by fine-tuning.

    Examples:

        journalclip studies downstream MICCAI_BraTS_2019 --workdir W --plot curves.png

        journalclip studies downstream MICCAI_BraTS_2019 --task classify --sequences T1CE --workdir W

        journalclip studies downstream --dataset ds_... --finding infarct --workdir W

        journalclip studies downstream cases --model MODEL_FOLDER --task classify --fractions 0.1,1 --json
    """
    from journalclip_modeling.machine import describe, resolved
    from journalclip_modeling.studies.data import FrozenStudies
    from journalclip_pipelines.downstream.cases import Cases, LaidCases, find_cases, lay_cases
    from journalclip_pipelines.downstream.curves import TASKS, CurveOptions, Curves
    from journalclip_pipelines.downstream.report import draw_curves, points_of
    from journalclip_pipelines.downstream.reported import ReportedCases, check_options
    from journalclip_pipelines.downstream.start import pretrained
    from journalclip_pipelines.interrupt import resumable
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter
    from journalclip_sources.studies.cells import normalising
    from journalclip_training.config import RunOptions
    from journalclip_training.start import frozen_dataset

    chosen = resolved(device)
    typer.echo(describe(chosen), err=True)
    tasks = TASKS if task == "both" else (task,)
    if dataset and task == "both":
        tasks = ("classify",)
    check_options(folder, dataset, finding, tasks)
    options = CurveOptions(tasks=tasks, fractions=_fractions(fractions), seeds=seeds, device=chosen)
    options = replace(
        options,
        classify=replace(options.classify, steps=steps, batch=batch),
        segment=replace(options.segment, steps=steps, batch=batch),
    )
    start, bars = pretrained(model, workdir), reporter()
    chosen_sequences = _sequences(sequences, start.config.sequences)
    cases: Cases
    with resumable("journalclip studies downstream with the same options"), normalising() as cell:
        if folder is None:
            workspace = Workspace.existing(workdir)
            frozen = FrozenStudies.open(workspace.store, frozen_dataset(workspace.store, dataset).manifest)
            reported = ReportedCases(frozen, start.config, chosen_sequences, finding)
            cases, lay = reported, lambda: reported.lay(out / "shards", RunOptions(device=chosen))
        else:
            with bars.stage("find cases", 0) as found_stage:
                listed = find_cases(folder, chosen_sequences, "segment" in options.tasks, found_stage.update)

            def laid() -> LaidCases:
                with bars.stage("lay cases on grid", len(listed.cases)) as stage:
                    return lay_cases(listed, start.config, cell, out / "cases", stage.update)

            cases, lay = listed, laid
        arms = Curves(cases, lay, start, options, out, bars).run()
    points = points_of(arms)
    if plot is not None:
        draw_curves(points, plot)
    if as_json:
        print_json({
            "classes": {name: int((cases.truth == n).sum()) for n, name in enumerate(cases.classes)},
            "asked": arms[0].asked, "seeds": seeds, "model": start.digest,
            "points": [each.as_json() for each in points],
        })  # fmt: skip
    else:
        _say(points)


def _sequences(said: str, known: tuple[SequenceName, ...]) -> tuple[SequenceName, ...]:
    """Raises `CasesUnusable` ``sequences-invalid``."""
    from journalclip_pipelines.downstream.errors import CasesUnusable

    wanted = [each.strip() for each in said.split(",") if each.strip()]
    strange = [each for each in wanted if each not in known]
    if strange:
        raise CasesUnusable("sequences-invalid", f"{', '.join(strange)}: the model knows {', '.join(known)}")
    return tuple(each for each in known if each in wanted) or known


def _fractions(said: str) -> tuple[float, ...]:
    """Raises `CasesUnusable` ``fractions-invalid``."""
    from journalclip_pipelines.downstream.errors import CasesUnusable

    try:
        shares = sorted({float(each) for each in said.split(",")})
    except ValueError as error:
        raise CasesUnusable("fractions-invalid", f"{said!r} are no numbers") from error
    if not all(0 < share <= 1 for share in shares):
        raise CasesUnusable("fractions-invalid", f"{said!r} are not all above 0 and up to 1")
    return tuple(shares)


def _say(points: list[CurvePoint]) -> None:
    table = Table("measure", "labels", "start", "mean (95 % interval)", "minus scratch (95 % interval)")
    for point in points:
        labels = f"{100 * point.fraction:g} % ({point.labels:g})"
        table.add_row(point.measure, labels, point.arm, point.said(), point.difference_said())
    Console().print(table)
