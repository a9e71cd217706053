"""``journalclip studies``: head-MRI studies from an archive to a promoted model, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import (
    DEFAULT_WORKDIR,
    AsJson,
    KeepFlagged,
    LeaveOut,
    Structurer,
    Workdir,
    left_out,
    print_json,
)
from journalclip_pipelines.commands.studies_downstream import downstream
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json

studies = typer.Typer(
    help="Head-MRI studies: read, de-identified, trained on, listed, and what a model of them is worth downstream.",
    no_args_is_help=True,
)
studies.command()(downstream)
_STRICT_EXIT = 3
_LAYOUTS = ("dicom", "nifti", "bids", "brats")
_Folder = Annotated[
    Path, typer.Argument(metavar="PATH", help="A folder of studies in any layout, a zip or tar of them, or one file.")
]
_NoFace = Annotated[bool, typer.Option("--no-face", help="Leave faces: for research data that is defaced already.")]
_NoBurnedIn = Annotated[bool, typer.Option("--no-burned-in", help="Do not look for text in the pictures.")]
_Vault = Annotated[
    bool,
    typer.Option(
        "--vault", help="Keep the de-identified reports, encrypted, so that they can be structured anew. From the first"
        " time on the working folder keeps those of every submit."
    ),
]  # fmt: skip
_Strict = Annotated[bool, typer.Option("--strict", help="Exit 3 when anything was refused.")]
_Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--report-column", metavar="ROLE=NAME",
        help="A column of a table of reports: study, accession, report, findings, impression or date; repeatable.",
    ),
]  # fmt: skip
_Review = Annotated[
    Path | None, typer.Option(help="Folder for before/after pictures of face removal. They show faces: keep them here.")
]


@studies.command()
def synthesize(
    folder: Annotated[Path, typer.Argument(help="Where the studies go; made if it is missing.")],
    count: Annotated[int, typer.Option("--studies", min=1, help="How many.")] = 40,
    layout: Annotated[str, typer.Option(help="dicom, nifti, bids or brats.")] = "dicom",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 0,
    size: Annotated[int, typer.Option(min=16, help="Pixels a side.")] = 96,
    slices: Annotated[int, typer.Option(min=6, help="Slices a series.")] = 24,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="Plant invented names, numbers and places.")
    ] = False,
    burned_in: Annotated[str, typer.Option(help="Text to burn into slices of every fifth study.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write synthetic studies with their reports: a head phantom with lesions of known site, side, size and signal.

    Examples:

        journalclip studies synthesize archive --studies 60

        journalclip studies synthesize brats --layout brats --studies 20
    """
    from journalclip_pipelines.studies.synthesize import SynthesizeOptions, synthesize_studies

    if layout not in _LAYOUTS:
        raise PermanentError(
            "layout-unknown", f"there is no layout {layout!r}", f"Choose one of {', '.join(_LAYOUTS)}."
        )
    options = SynthesizeOptions(layout, seed, size, slices, identifiers, burned_in)  # type: ignore[arg-type]  # checked above
    facts = synthesize_studies(folder, count, options)
    if as_json:
        print_json({"folder": str(folder), "studies": count, "layout": layout, "seed": seed, "facts": facts})
    else:
        typer.echo(f"{folder}: {count} studies as {layout}; truth.json says what each one shows")


@studies.command()
def inspect(
    folder: _Folder,
    review: _Review = None,
    grid: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for each kept series as a model of the recipe reads it.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="The recipe whose grid `--grid` uses.")] = "study_demo",
    no_face: _NoFace = False,
    no_burned_in: _NoBurnedIn = False,
    columns: _Columns = None,
    key_of: Annotated[
        Path | None, typer.Option("--key-of", metavar="WORKDIR", help="Use this working folder's key of pseudonyms.")
    ] = None,
    strict: _Strict = False,
    as_json: AsJson = False,
) -> None:
    """Read and de-identify without storing anything: what would be taken in, what left out, what is removed.

    Exits with 3 where no study could be read, or under --strict where one was refused.

    Examples:

        journalclip studies inspect archive --review faces

        journalclip studies inspect archive/study-00001-0 --json --grid seen-by-the-model
    """
    from journalclip_intake.studies import read_key
    from journalclip_pipelines.studies.inspecting import InspectOptions, inspect_studies

    key = read_key(key_of / "studies.key") if key_of is not None else bytes(32)
    options = InspectOptions(key, not no_face, not no_burned_in, _columns(columns), review, grid, recipe)
    found = inspect_studies(folder, options)
    if as_json:
        print_json(found.printed())
    else:
        for each in found.studies:
            _say_inspected(each)
        for refused in found.refused:
            typer.echo(f"refused [{refused['code']}] {refused['reason']}\n  -> {refused['remedy']}")
        _say_left_out(found.archive.left_out + found.archive.reports_left_out)
    if not found.studies:
        typer.echo(found.nothing(), err=True)
    if not found.studies or (strict and found.refused):
        raise typer.Exit(_STRICT_EXIT)


@studies.command()
def submit(
    folder: _Folder,
    workdir: Workdir = DEFAULT_WORKDIR,
    review: _Review = None,
    no_face: _NoFace = False,
    no_burned_in: _NoBurnedIn = False,
    columns: _Columns = None,
    vault: _Vault = False,
    strict: _Strict = False,
    as_json: AsJson = False,
) -> None:
    """De-identify, store and announce. The original is never stored; the key of pseudonyms stays in the working folder.

    Log and store are the working folder's, or those that settings (`JOURNALCLIP_...`) name, as in the cluster.

    Exits with 3 where no study could be read, or under --strict where one was refused.

    Examples:

        journalclip studies submit archive --workdir W --review faces

        journalclip studies submit study.zip --workdir W --json
    """
    from journalclip_pipelines.progress import reporter
    from journalclip_pipelines.studies.destination import SettledDestination
    from journalclip_pipelines.studies.taking_in import TakingIn

    local = TakingIn(
        face=not no_face, burned_in=not no_burned_in, review=review, columns=_columns(columns), vault=vault
    )
    destination, paths = SettledDestination.of(workdir), local.find(folder)
    with destination.lock():
        done = local.submit(destination, paths, reporter())
    refused = [{"code": fact.code, "reason": fact.reason, "remedy": fact.remedy} for fact in done.refused]
    read = done.count - len(refused)
    if as_json:
        left: list[Json] = [
            {"code": code, "reason": why, "count": n} for (code, why), n in sorted(done.left_out.items())
        ]
        print_json({
            "submitted": done.count, "read": read, "new": done.new, "refused": refused, "files": done.files,
            "left_out": left,
        })  # fmt: skip
    else:
        typer.echo(
            f"{done.count} studies found in {done.files} files, {read} read, {done.new} new, {len(refused)} refused"
        )
        for fact in done.refused:
            typer.echo(f"  {fact.code}: {fact.reason}\n    -> {fact.remedy}")
        _say_left_out(done.left_out)
    if not read:
        typer.echo("no study was read", err=True)
    if not read or (strict and refused):
        raise typer.Exit(_STRICT_EXIT)


@studies.command()
def run(
    folder: _Folder,
    workdir: Workdir = DEFAULT_WORKDIR,
    recipe: Annotated[
        str,
        typer.Option(
            help="CPU: study_demo, study_demo_vit, selip_paper_demo. GPU: selip_paper, selip_resnet50_studies,"
            " selip_vit_b16_studies."
        ),
    ] = "study_demo",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe; repeatable.")
    ] = None,
    gates: Annotated[str, typer.Option(help="Promotion gates: `local`, `default`, or a YAML file.")] = "local",
    review: _Review = None,
    no_face: _NoFace = False,
    no_burned_in: _NoBurnedIn = False,
    columns: _Columns = None,
    vault: _Vault = False,
    structurer: Structurer = "rules",
    report_language: Annotated[
        Literal["en", "zh"],
        typer.Option(help="Language that records are rendered in, whatever the reports' own."),
    ] = "en",
    unnamed: Annotated[
        Literal["attach", "leave"],
        typer.Option("--reports-without-sequences", help="Said of every volume of the study, or of none."),
    ] = "attach",
    leave_out: LeaveOut = None,
    keep_flagged: KeepFlagged = False,
    strict: _Strict = False,
    as_json: AsJson = False,
) -> None:
    """Submit, extract, structure, freeze, train, evaluate, promote and index. Safe to stop and to repeat.

    Examples:

        journalclip studies run archive --workdir W

        journalclip studies run archive --workdir W --set optim.epochs=40 --json
    """
    from journalclip_training.recipes import study_config

    overrides = tuple(assignments or ())
    grid = study_config(recipe, overrides).model.grid  # a wrong name is answered before anything heavy is loaded
    from journalclip_structuring.build import check_structurer

    check_structurer(structurer, workdir)
    from journalclip_freezing.studies import StudyFreezeOptions
    from journalclip_pipelines.interrupt import resumable
    from journalclip_pipelines.local.handlers import RunOptions
    from journalclip_pipelines.local.run import run as run_local
    from journalclip_pipelines.local.studies import LocalStudies
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter
    from journalclip_pipelines.studies.summary import summary_of

    options = RunOptions(recipe, overrides, gates)
    local = LocalStudies(
        grid,
        face=not no_face,
        burned_in=not no_burned_in,
        review=review,
        layout=StudyFreezeOptions().leaving_out(left_out(leave_out, keep_flagged)),
        columns=_columns(columns),
        vault=vault,
        structurer=structurer,
        report_language=report_language,
        unnamed=unnamed,
    )
    with resumable(f"journalclip studies run {folder} --workdir {workdir}"):
        workspace = Workspace(workdir)
        result = run_local(workspace, folder, local, options, reporter())
        facts = summary_of(workspace, result)
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            typer.echo(f"{name:<12} {value}")
    if strict and result.submitted.refused:
        raise typer.Exit(_STRICT_EXIT)


@studies.command()
def receive(
    callers: Annotated[
        list[str], typer.Option("--allow", metavar="AET", help="AE title that may send; repeatable. Nobody else may.")
    ],
    workdir: Workdir = DEFAULT_WORKDIR,
    title: Annotated[str, typer.Option("--aet", help="Our own AE title; senders must use it.")] = "JOURNALCLIP",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 11112,
    quiet_s: Annotated[
        float,
        typer.Option("--quiet", min=0.1, metavar="S", help="Seconds without an object after which a study is whole."),
    ] = 60.0,
    max_gib: Annotated[int, typer.Option(min=1, help="GiB of objects held in memory at once.")] = 4,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM); with it the connection is TLS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="CA of senders; with it every sender needs a certificate.")
    ] = None,
    no_face: _NoFace = False,
    no_burned_in: _NoBurnedIn = False,
    vault: _Vault = False,
    idle_s: Annotated[
        float | None, typer.Option("--until-idle", metavar="S", help="End after so many seconds with nothing to do.")
    ] = None,
) -> None:
    """Listen for studies that a PACS sends (DICOM C-STORE), and submit each one when it is whole.

    Received objects are held in memory and touch no disk. A transfer that breaks off and is not repeated is reported.
    When it is told to end, it lets nobody in any more and submits what is whole.

    Examples:

        journalclip studies receive --allow PACS --workdir W

        journalclip studies receive --allow PACS --host 0.0.0.0 --tls-cert us.pem --tls-key us.key --tls-ca pacs-ca.pem
    """
    from journalclip_intake.receive import ReceiveOptions
    from journalclip_pipelines.local.receiving import receive_studies
    from journalclip_pipelines.studies.destination import SettledDestination
    from journalclip_pipelines.studies.taking_in import TakingIn
    from journalclip_shared.wiring import stop_on_signal

    options = ReceiveOptions(
        tuple(callers), title, host, port, quiet_s, max_gib << 30, tls_cert=tls_cert, tls_key=tls_key, tls_ca=tls_ca
    )
    local = TakingIn(face=not no_face, burned_in=not no_burned_in, vault=vault)
    receive_studies(SettledDestination.of(workdir), local, options, typer.echo, stop_on_signal(), idle_s)


@studies.command("list")
def listed(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Submitted studies with their sequences and how sure they are. Example: `journalclip studies list --workdir W`"""
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.studies.summary import submitted_studies

    found = list(submitted_studies(Workspace.existing(workdir)))
    if as_json:
        print_json([study.model_dump(mode="json", exclude={"report"}) for study in found])
        return
    table = Table("study", "patient", "date (shifted)", "sequences (confidence)", "face", "left out")
    for study in found:
        sequences = ", ".join(f"{each.sequence} {each.confidence:.2f}" for each in study.series)
        left = ", ".join(f"{each.code} x{each.count}" for each in study.left_out)
        table.add_row(study.study_id, study.patient, study.date or "", sequences, study.deid.face, left)
    Console().print(table)


def _columns(said: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Raises `PermanentError` ``column-unknown``."""
    from journalclip_sources.studies.ris import NAMES

    found = [tuple(each.split("=", 1)) for each in said or ()]
    if any(len(each) != 2 or each[0] not in NAMES for each in found):
        raise PermanentError(
            "column-unknown", "a report column has no known role", f"Write ROLE=NAME with one of {', '.join(NAMES)}."
        )
    return tuple((each[0], each[1]) for each in found)


def _say_left_out(left_out: Mapping[tuple[str, str], int]) -> None:
    for (code, reason), count in sorted(left_out.items()):
        typer.echo(f"left out  {code} ({count} files): {reason}")


def _say_inspected(each: Mapping[str, Any]) -> None:
    report = each["report"]
    typer.echo(f"study {each['study']}: report {report['source']}")
    for series in each["series"]:
        typer.echo(f"  {series['sequence']:<6} {series['confidence']:.2f}  {series['by']}  {series['shape']}")
    for left in each["left_out"]:
        typer.echo(f"  left out  {left['code']} ({left['count']}): {left['reason']}")
    typer.echo(f"  removed   {each['deid']['removed']}; face {each['deid']['face']}")
