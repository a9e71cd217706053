"""``journalclip quality train``: a quality classifier from a label file, measured, saved and registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

app = typer.Typer(
    help="Quality control of figures: imaging, other useful, discard; and modality.", no_args_is_help=True
)


@app.callback()
def quality() -> None:
    """Quality control of figures."""


@app.command()
def train(
    labels: Annotated[Path, typer.Argument(help="JSON: [{article, figure, usefulness, modality}].", metavar="LABELS")],
    pdfs: Annotated[Path, typer.Option(help="Folder with the articles that the labels name.")],
    out: Annotated[Path, typer.Option(help="Folder for quality.json and report.json.")],
    workdir: Annotated[Path | None, typer.Option("--workdir", "-w", help="Register the model there as well.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Accuracy is cross-validated with no article on both sides, beside that of the rules and of the commonest class.

    Example: `journalclip quality train labels.json --pdfs ../shared/corpus/dev --out quality -w work`
    """
    import json
    from dataclasses import asdict

    from journalclip_extraction.quality import train as training
    from journalclip_extraction.sandbox import Sandbox
    from journalclip_pipelines.quality import register

    read = training.read_labels(labels)
    with Sandbox() as sandbox:
        model, report = training.train(list(training.examples(read, pdfs, sandbox)), len(read))
    text, found = training.save(model), asdict(report)
    out.mkdir(parents=True, exist_ok=True)
    (out / "quality.json").write_text(text, encoding="utf-8")
    if workdir is not None:
        found["registered"] = register(workdir, text, report)
    (out / "report.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found))
        return
    for key, value in found.items():
        typer.echo(f"{key:>12}  {value}")


@app.command("list")
def list_versions(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Registered quality models, their aliases and what was measured. Example: `journalclip quality list -w work`"""
    from journalclip_pipelines.quality import listing

    found = listing(workdir)
    if as_json:
        print_json({"versions": [*found]})
        return
    for each in found:
        typer.echo("  ".join(f"{key} {value}" for key, value in each.items()))


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Of `journalclip quality list`.")],
    workdir: Workdir = DEFAULT_WORKDIR,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where the rules are better.")] = False,
) -> None:
    """Make a version the champion, if it beats the rules; `JOURNALCLIP_QUALITY_MODEL=champion` then judges with it.

    Example: `journalclip quality promote 2 -w work`
    """
    from journalclip_pipelines.quality import promote as make_champion

    refused = make_champion(workdir, version, anyway)
    if refused:
        typer.echo(f"refused: {refused}")
        raise typer.Exit(3)
    typer.echo(f"version {version} is the champion")
