"""``journalclip pages``: the pages beside figures, drawn beforehand for servers that open no PDF."""

from __future__ import annotations

from dataclasses import asdict

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json


def pages(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Draw every page that a figure stands on, in the sandbox, and keep the pictures beside the figures.

    `journalclip serve` draws a page when it is first looked at; a server of a cluster shows those that are here.

    Example:

        journalclip pages --workdir W
    """
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.page_drawing import SandboxedDrawer, draw_all
    from journalclip_sources.pdf.pages import drawing

    workspace = Workspace.existing(workdir)
    with drawing() as cell:
        done = draw_all(workspace.store, SandboxedDrawer(cell), lambda _done, _total: None)
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.drawn} pages drawn, {done.known} were there already.")
    for code, count in sorted(done.refused.items()):
        typer.echo(f"{count} cannot be drawn: {code}")
