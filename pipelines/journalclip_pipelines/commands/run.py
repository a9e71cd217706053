"""``journalclip run``: a folder of PDFs to a searchable, promoted model, in one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from journalclip_shared.records.caption import RecordFlag

if TYPE_CHECKING:
    from journalclip_pipelines.local.summary import Summary

_STRICT_EXIT = 3


def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of PDFs (searched recursively), or one PDF.")],
    workdir: Workdir = DEFAULT_WORKDIR,
    recipe: Annotated[str, typer.Option(help="Training recipe; `demo` trains a small CLIP from nothing.")] = "demo",
    base: Annotated[
        str, typer.Option(help="Hugging Face CLIP checkpoint (name or folder) to start from; empty: the recipe's own.")
    ] = "",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe; repeatable.")
    ] = None,
    gates: Annotated[str, typer.Option(help="Promotion gates: `local`, `default`, or a YAML file.")] = "local",
    workers: Annotated[int, typer.Option(min=0, help="PDFs read at once; 0: one a core.")] = 0,
    structurer: Structurer = "rules",
    leave_out: LeaveOut = None,
    keep_flagged: KeepFlagged = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 when anything was quarantined.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit, extract, structure, freeze, train, evaluate, promote and index. Safe to stop and to repeat.

    Examples:

        journalclip run journals/                       # everything below ./journalclip-work

        journalclip run journals/ --workdir W --json | tail -1

        journalclip run journals/ --structurer endpoint  # captions by the server that the settings name

        journalclip run journals/ --leave-out hidden-instruction --leave-out low-read-share

        journalclip run journals/ --base ./clip-vit-base-patch32 --recipe cns_clip_vit_b32
    """
    from journalclip_pipelines.local.summary import render

    changed = (*(assignments or ()), *((f"model.base={base}",) if base else ()))
    flags = left_out(leave_out, keep_flagged)
    summary = execute(folder, workdir, recipe, changed, gates, workers, structurer, flags)
    if as_json:
        print_json(summary.as_json())
    else:
        render(summary)
    if strict and summary.quarantined:
        raise typer.Exit(_STRICT_EXIT)


def execute(
    folder: Path,
    workdir: Path,
    recipe: str = "demo",
    assignments: tuple[str, ...] = (),
    gates: str = "local",
    workers: int = 0,
    structurer: str = "rules",
    leave_out: tuple[RecordFlag, ...] | None = None,
) -> Summary:
    """Run and read the outcome back; an interrupt ends the process with the command that goes on."""
    from journalclip_training.recipes import configure

    configure(recipe, assignments, "articles")  # a wrong name is answered before anything heavy is loaded
    from journalclip_structuring.build import check_structurer

    check_structurer(structurer, workdir)
    from journalclip_freezing import FreezeOptions
    from journalclip_pipelines.interrupt import resumable
    from journalclip_pipelines.local.articles import LocalArticles
    from journalclip_pipelines.local.handlers import RunOptions
    from journalclip_pipelines.local.run import run as run_local
    from journalclip_pipelines.local.summary import summarise
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_pipelines.progress import reporter

    with resumable(f"journalclip run {folder} --workdir {workdir}"):
        workspace = Workspace(workdir)
        layout = FreezeOptions().leaving_out(leave_out)
        local = LocalArticles(workers or os.cpu_count() or 1, layout, structurer)
        options = RunOptions(recipe, assignments, gates)
        return summarise(workspace, run_local(workspace, folder, local, options, reporter()))
