"""``journalclip figures``: single pictures with their captions, and the classifiers that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import print_json

figures = typer.Typer(help="Single figures: what they show, their panels, the classifiers.", no_args_is_help=True)
Rows = Annotated[Path, typer.Argument(help="JSON lines: file (beside it), label, caption.", metavar="FILE.jsonl")]
Labels = Annotated[
    Path, typer.Argument(help="JSON lines: file (beside it), article, caption, kind, modality, useful, marks.")
]


@figures.command()
def read(rows: Rows, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Kind, modality, usefulness, marks and panels of each picture, as extraction finds them in a PDF.

    A picture that cannot be read has an `error` and does not end the run.

    Example: `journalclip figures read figures.jsonl --json`
    """
    import json

    from journalclip_extraction.article import ExtractOptions
    from journalclip_extraction.sandbox import Sandbox
    from journalclip_extraction.single import READER, answer, packed
    from journalclip_shared.errors import PermanentError

    with Sandbox(reader=READER) as sandbox:
        for line in rows.read_text("utf-8").splitlines():
            if not line.strip():
                continue
            row = json.loads(line)
            file = str(row.get("file", ""))
            try:
                picture = (rows.parent / file).read_bytes()
                data = packed(str(row.get("label", "")), str(row.get("caption", "")), picture)
                found = answer(file, sandbox.read(data, ExtractOptions()))
            except OSError as error:
                found = {"file": file, "error": f"picture-missing: {error.strerror}"}
            except PermanentError as error:
                found = {"file": file, "error": f"{error.code}: {error.reason}"}
            if as_json:
                print_json(found)
            else:
                typer.echo("  ".join(f"{key} {value}" for key, value in found.items()))


@figures.command()
def learn(labels: Labels, out: Annotated[Path, typer.Option(help="File for the numbers: pictures.json.")]) -> None:
    """Fit the classifiers to labelled figures and write their numbers. The same labels give the same file.

    Example: `journalclip figures learn figures.jsonl --out pictures.json`
    """
    from journalclip_extraction.quality import learn as learning

    found = learning.read_figures(labels)
    model = learning.fit(found, learning.measured(found, labels.parent), f"{len(found)} figures of {labels.name}")
    out.write_text(learning.save(model), encoding="utf-8")
    typer.echo(f"{len(found)} figures: {out}")


@figures.command()
def folds(labels: Labels, out: Annotated[Path, typer.Option(help="File for the answers, a line a figure.")]) -> None:
    """Answers of five classifiers, each on the articles that it was not fitted to; panels as `figures read` finds them.

    Example: `journalclip figures folds figures.jsonl --out answers.jsonl`
    """
    import json

    from journalclip_extraction.article import ExtractOptions
    from journalclip_extraction.quality import learn as learning
    from journalclip_extraction.sandbox import Sandbox
    from journalclip_extraction.single import READER, answer, packed

    found = learning.read_figures(labels)
    inputs = learning.measured(found, labels.parent)
    models = {figure.file: fold.model for fold in learning.folds(found, inputs) for figure in fold.unseen}
    with Sandbox(reader=READER) as sandbox, out.open("w", encoding="utf-8") as file:
        for figure, measured in zip(found, inputs, strict=True):
            data = packed("", figure.caption, (labels.parent / figure.file).read_bytes())
            delivery = sandbox.read(data, ExtractOptions())
            lettered = delivery.articles[0].figures[0].lettered
            content = models[figure.file].read(measured, figure.caption, "a fold", lettered=lettered)
            file.write(json.dumps(answer(figure.file, delivery, content)) + "\n")
    typer.echo(f"{len(found)} figures: {out}")
