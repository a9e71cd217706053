"""``journalclip quality train``: a quality classifier from a label file, measured, saved and registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
