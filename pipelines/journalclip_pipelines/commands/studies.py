"""``journalclip studies``: head-MRI studies from an archive to a promoted model, and what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_pipelines.commands.studies_downstream import downstream
from journalclip_shared.errors import PermanentError

studies = typer.Typer(
    help="Head-MRI studies: read, de-identified, trained on, listed, and what a model of them is worth downstream.",
    no_args_is_help=True,
)
studies.command()(downstream)
_STRICT_EXIT = 3
_LAYOUTS = ("dicom", "nifti", "bids", "brats")
_Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A folder of studies, one study's folder, or a zip.")]
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
def inspect(folder: _Folder, review: _Review = None, as_json: AsJson = False) -> None:
    """Read and de-identify without storing anything: what would be taken in, what left out, what is removed.

    Example:

        journalclip studies inspect archive/study-00001-0 --review faces
    """
    from journalclip_sources.studies.cells import reading
    from journalclip_sources.studies.files import collect, find_studies, pack
    from journalclip_sources.studies.options import DeidentifyOptions

    seen = []
    with reading() as cell:
        for number, path in enumerate(find_studies(folder), start=1):
            try:
                study = cell.read(pack(collect(path)), DeidentifyOptions(key=bytes(32)))
            except PermanentError as error:
                seen.append({"number": number, "code": error.code, "reason": error.reason, "remedy": error.remedy})
                continue
            if review is not None and study.review:
                review.mkdir(parents=True, exist_ok=True)
                (review / f"study-{number}.png").write_bytes(study.review)
            seen.append({
                "number": number,
                "series": [{"sequence": e.sequence, "confidence": e.confidence, "by": e.by, "shape": list(e.shape),
                            "spacing": list(e.spacing)} for e in study.series],
                "left_out": [each.model_dump(mode="json") for each in study.left_out],
                "report": study.report_source, "deid": study.deid.model_dump(mode="json"),
            })  # fmt: skip
    if as_json:
        print_json(seen)  # type: ignore[arg-type]  # plain values throughout
        return
    for each in seen:
        _say_inspected(each)


@studies.command()
def submit(
    folder: _Folder, workdir: Workdir = DEFAULT_WORKDIR, review: _Review = None, as_json: AsJson = False
) -> None:
    """De-identify, store and announce. The original is never stored; the key of pseudonyms stays in the working folder.

    Examples:

        journalclip studies submit archive --workdir W --review faces

        journalclip studies submit study.zip --workdir W --json
    """
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter
    from journalclip_pipelines.studies.run import StudyRunOptions, submit_studies

    workspace = Workspace(workdir)
    with workspace.lock():
        done = submit_studies(workspace, folder, StudyRunOptions(review=review), reporter())
    refused = [{"code": fact.code, "reason": fact.reason, "remedy": fact.remedy} for fact in done.refused]
    if as_json:
        print_json({"submitted": done.submitted, "new": done.new, "refused": refused})
        return
    typer.echo(f"{done.submitted} studies read, {done.new} new, {len(done.refused)} refused")
    for fact in done.refused:
        typer.echo(f"  {fact.code}: {fact.reason} {fact.remedy}")


@studies.command()
def run(
    folder: _Folder,
    workdir: Workdir = DEFAULT_WORKDIR,
    recipe: Annotated[
        str, typer.Option(help="study_demo, study_demo_vit, selip_resnet50, selip_vit_b16_studies.")
    ] = "study_demo",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe; repeatable.")
    ] = None,
    gates: Annotated[str, typer.Option(help="Promotion gates: `local`, `default`, or a YAML file.")] = "local",
    review: _Review = None,
    structurer: Annotated[
        str, typer.Option(help="Who reads the reports: `rules`, `endpoint` (as the settings say), or a model folder.")
    ] = "rules",
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 when anything was refused.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit, extract, structure, freeze, train, evaluate, promote and index. Safe to stop and to repeat.

    Examples:

        journalclip studies run archive --workdir W

        journalclip studies run archive --workdir W --set optim.epochs=40 --json
    """
    from journalclip_pipelines.interrupt import resumable
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter
    from journalclip_pipelines.studies.run import StudyRunOptions, run_studies
    from journalclip_pipelines.studies.summary import summary_of

    options = StudyRunOptions(recipe, tuple(assignments or ()), gates, review=review, structurer=structurer)
    with resumable(f"journalclip studies run {folder} --workdir {workdir}"):
        workspace = Workspace(workdir)
        result = run_studies(workspace, folder, options, reporter())
        facts = summary_of(workspace, result)
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            typer.echo(f"{name:<12} {value}")
    if strict and result.refused:
        raise typer.Exit(_STRICT_EXIT)


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


def _say_inspected(each: dict[str, object]) -> None:
    if "code" in each:
        typer.echo(f"study {each['number']}: refused [{each['code']}] {each['reason']}\n  -> {each['remedy']}")
        return
    typer.echo(f"study {each['number']}: report {each['report']}")
    for series in each["series"]:  # type: ignore[attr-defined]  # a list of plain dicts
        typer.echo(f"  {series['sequence']:<6} {series['confidence']:.2f}  {series['by']}  {series['shape']}")
    for left in each["left_out"]:  # type: ignore[attr-defined]
        typer.echo(f"  left out  {left['code']} ({left['count']}): {left['reason']}")
    typer.echo(f"  removed   {each['deid']['removed']}; face {each['deid']['face']}")  # type: ignore[index]
