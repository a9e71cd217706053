"""``journalclip extract PATH...``: figures of some deliveries, without a bus or a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journalclip_pipelines.commands.options import print_json


def extract(
    paths: Annotated[
        list[Path], typer.Argument(help="PDFs, packages (zip, tar.gz, XML), or folders of them.", metavar="PATH...")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, a line an article.")] = False,
    crops: Annotated[Path | None, typer.Option(help="Write each figure's image into this folder.")] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Draw the crops with their captions onto pages: FILE-1.png, FILE-2.png ...")
    ] = None,
    sample: Annotated[int, typer.Option(min=1, help="Figures on the contact sheet, drawn at random.")] = 100,
    ocr: Annotated[str, typer.Option(help="Read scanned pages in this language: eng, deu, eng+deu ...")] = "",
    crossref: Annotated[
        str,
        typer.Option(help="Crossref's API, asked for facts that an article leaves open.", metavar="URL"),
    ] = "",
    dpi: Annotated[int, typer.Option(min=36, max=1200, help="Of figures that must be rendered.")] = 200,
) -> None:
    """Extract figures, captions, panels, mentions and facts, each file in a sandboxed process.

    Boxes are in PDF points, origin top left. A file that cannot be read is listed with its code; the rest go on.

    Examples:

        journalclip extract paper.pdf

        journalclip extract issue.pdf package.zip --json

        journalclip extract papers/ --json --crops figures/

        journalclip extract papers/ --contact-sheet sheet.png --sample 100

        journalclip extract scanned.pdf --ocr eng
    """
    from journalclip_extraction.article import ExtractOptions
    from journalclip_extraction.contact import ContactSheet
    from journalclip_extraction.listing import Listed, list_files, write_crops
    from journalclip_extraction.sandbox import Sandbox
    from journalclip_pipelines.progress import reporter
    from journalclip_shared.deliveries import iter_deliveries

    def show(listed: Listed) -> None:
        row = listed.row
        if as_json:
            print_json(row)
        elif listed.article is None:
            typer.echo(f"{row['file']}: {row['state']} [{row['code']}] {row['reason']}\n  -> {row['remedy']}")
        else:
            article = listed.article
            where = f"pages {article.first_page}-{article.last_page}" if article.pages else "no pages"
            lost = article.captions_seen - len(article.figures)
            seen = f" ({lost} captions without one)" if lost > 0 else ""
            typer.echo(f"{row['file']}: article {row['article']}, {where}, {len(article.figures)} figures{seen}")
            for figure in listed.article.figures:
                typer.echo(f"  {figure.label} (page {figure.page}, {figure.kind}) {figure.caption[:90]}")

    sheet = ContactSheet(sample) if contact_sheet is not None else None
    options = ExtractOptions(crops=crops is not None or sheet is not None, dpi=dpi, ocr=ocr, crossref=crossref)
    files = list(iter_deliveries(paths))
    positions: dict[Path, int] = {}
    with Sandbox() as sandbox, reporter().stage("extract", len(files)) as stage:
        for done, (path, listed) in enumerate(list_files(files, sandbox, options), start=1):
            if crops is not None and listed.article is not None:
                positions[path] = write_crops(crops, path, listed.article, positions.get(path, 1))
            if sheet is not None and listed.article is not None:
                sheet.add(path.name, listed.article)
            show(listed)
            stage.update(min(done, len(files)), len(files))
    if sheet is not None and contact_sheet is not None:
        for page in sheet.write(contact_sheet):
            typer.echo(f"contact sheet: {page}", err=True)
