"""``journalclip bench extraction DIR`` against gold.json; ``bench scaling`` and ``bench backfill`` on several cores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from journalclip_pipelines.commands.options import AsJson, print_json
from journalclip_shared.ids import Json


def extraction(
    folder: Annotated[Path, typer.Argument(help="Folder with PDFs and gold.json.", metavar="DIR")],
    as_json: AsJson = False,
    misses: Annotated[bool, typer.Option("--misses", help="List every miss (always in the JSON).")] = False,
    crops: Annotated[bool, typer.Option("--crops", help="Read once more with crops, and say what they cost.")] = False,
    scans: Annotated[str, typer.Option(help="Scan every page first and read it by OCR in this language.")] = "",
    against: Annotated[
        Path | None,
        typer.Option(help="Only speed: beside the extractor of another checkout, article by article.", metavar="DIR"),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="With --against: every how many-th article.")] = 1,
    facts: Annotated[
        Path | None, typer.Option(help="Only titles, DOIs and authors, against a table of what is printed.")
    ] = None,
) -> None:
    """Score the extractor on real articles, with bare PyMuPDF timed in the same run.

    Examples:

        journalclip bench extraction ../shared/corpus/dev --json

        journalclip bench extraction ../shared/corpus/dev --crops

        journalclip synthesize pages --layouts --articles 3 && journalclip bench extraction pages --scans eng

        journalclip bench extraction ../shared/corpus/dev --facts docs/benchmarks/facts-dev.tsv

        git worktree add ../then b4a7196 && journalclip bench extraction ../shared/corpus/dev --against ../then
    """
    if facts is not None:
        _facts(folder, facts, as_json=as_json)
        return
    if against is not None:
        _versions(folder, against, every, as_json=as_json)
        return
    from journalclip_devtools.benches.extraction import bench

    score = bench(folder, crops=crops, scans=scans)
    if as_json:
        typer.echo(score.model_dump_json())
        return
    for key, value in score.model_dump(exclude={"misses", "failed", "crops"}).items():
        typer.echo(f"{key:>20}  {value}")
    for key, value in score.crops.model_dump().items() if score.crops else ():
        typer.echo(f"{'crops: ' + key:>20}  {value}")
    for file, code in score.failed.items():
        typer.echo(f"failed [{code}] {file}")
    for miss in score.misses if misses else ():
        typer.echo(f"{miss['what']:>12}  {miss['file']} figure {miss['number']} ({miss['similarity']})")


def _facts(folder: Path, table: Path, *, as_json: bool) -> None:
    from journalclip_devtools.benches.facts import score

    found = score(folder, table)
    if as_json:
        print_json({fact: cast("dict[str, Json]", dict(counts)) for fact, counts in found.items()})
        return
    for fact, counts in found.items():
        wrong = f" ({', '.join(counts['files'])})" if counts["files"] else ""
        typer.echo(f"{fact:>8}  right {counts['right']}, none {counts['none']}, wrong {counts['wrong']}{wrong}")


def _versions(folder: Path, against: Path, every: int, *, as_json: bool) -> None:
    from journalclip_devtools.benches.extraction import load_gold
    from journalclip_devtools.benches.versions import measure

    found = measure([folder / name for name in sorted(load_gold(folder))[::every]], against)
    if as_json:
        print_json({**found})
        return
    for way, speeds in found.items():
        typer.echo(f"{way:>10}  {speeds['here']} pages/s, there {speeds['there']}, ratio {speeds['ratio']}")


def scaling(
    folder: Annotated[Path, typer.Argument(help="Folder of PDFs.", metavar="DIR")],
    workers: Annotated[int, typer.Option(min=2, help="Children at once in the second pass.")] = 2,
    crops: Annotated[bool, typer.Option("--crops/--no-crops", help="With crops and panels, as in production.")] = True,
    as_json: AsJson = False,
) -> None:
    """The same files by one process and by several: how far throughput grows, by wall-clock and by CPU.

    Example: `journalclip bench scaling ../shared/corpus/dev --workers 2 --json`
    """
    from dataclasses import asdict

    from journalclip_devtools.benches.scaling import measure
    from journalclip_extraction.article import ExtractOptions
    from journalclip_intake.articles import find_deliveries
    from journalclip_pipelines.progress import reporter

    files = [path.read_bytes() for path in find_deliveries(folder)]
    with reporter().stage("read", 2 * len(files)) as stage:
        found = measure(files, workers, ExtractOptions(crops=crops, panels=crops), stage.update)
    if as_json:
        print_json(asdict(found))
        return
    for key, value in asdict(found).items():
        typer.echo(f"{key:>15}  {value}")


def backfill(
    folder: Annotated[Path, typer.Argument(help="Folder of PDFs.", metavar="DIR")],
    workers: Annotated[int, typer.Option(min=2, help="Ray actors in the second pass.")] = 2,
    as_json: AsJson = False,
) -> None:
    """The same archive through Ray by one actor and by several, each into a new work folder: how throughput grows.

    Example: `journalclip bench backfill ../shared/corpus/dev --workers 2 --json`
    """
    import tempfile
    from dataclasses import asdict

    from journalclip_extraction.settings import ExtractionSettings
    from journalclip_intake.articles import find_deliveries
    from journalclip_pipelines import backfill as job
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter, watched

    paths = find_deliveries(folder)
    passes: dict[int, job.Summary] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in (1, workers):
            settings = ExtractionSettings(workdir=Path(scratch) / str(count))
            found = job.rows(paths, settings, settings.options(), settings.limits, frozenset(), count)
            with reporter().stage(f"backfill by {count}", len(paths)) as stage:
                passes[count] = job.publish(Workspace(settings.workdir).bus, watched(found, stage, len(paths)))
    alone, together = passes[1], passes[workers]
    report: dict[str, Json] = {
        "files": alone.files,
        "workers": workers,
        "alone_s": alone.reading_s,
        "together_s": together.reading_s,
        "speedup": round(alone.reading_s / together.reading_s, 3) if together.reading_s else 0.0,
        "same": {**asdict(alone), **_UNTIMED} == {**asdict(together), **_UNTIMED},
    }
    if as_json:
        print_json(report)
        return
    for key, value in report.items():
        typer.echo(f"{key:>15}  {value}")


_UNTIMED = {"reading_s": 0, "files_per_s": 0}
