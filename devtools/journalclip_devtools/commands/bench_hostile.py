"""``journalclip bench hostile``: hostile files and seeded mutants against the sandbox; exit code 3 where it fails."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer


def hostile(
    mutants: Annotated[int, typer.Option(help="Damaged synthetic articles besides the hostile files.")] = 200,
    seed: Annotated[int, typer.Option(help="Other seeds damage otherwise.")] = 0,
    jobs: Annotated[int, typer.Option(help="Files read at once.")] = 1,
    record: Annotated[Path | None, typer.Option(help="Where each trial is noted; a run with it goes on there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Every file must end with a code within 20 s and 1 GiB, and the service must live.

    Example: `journalclip bench hostile --mutants 2000 --record hostile.jsonl --json`
    """
    import json
    from dataclasses import asdict

    from journalclip_devtools.hostile import FILES
    from journalclip_devtools.hostile.bench import run, slices
    from journalclip_extraction.sandbox import Sandbox
    from journalclip_pipelines.progress import reporter
    from journalclip_synthetic.journals import write_journals

    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        articles = Path(folder) / "articles"
        write_journals(articles, _BASES, seed)
        bases = [part for path in sorted(articles.glob("*.pdf")) for part in slices(path.read_bytes())]
        with reporter().stage("hostile files", mutants + len(FILES)) as stage:
            report = run(Path(folder) / "store", sandbox, bases, mutants, seed, jobs, record, stage.update)
        found = {"passed": report.passed, **asdict(report), "confinement": sandbox.confinement}
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for key, value in found.items():
            typer.echo(f"{key:>12}  {value}")
    if not report.passed:
        raise typer.Exit(3)


_BASES = 8  # articles to damage: all layouts and figure kinds of the generator occur
