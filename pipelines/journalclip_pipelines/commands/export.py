"""``journalclip export``: a frozen dataset as files that others load."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, OfKind, Workdir, print_json
from journalclip_shared import names
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind

if TYPE_CHECKING:
    from journalclip_pipelines.local.workspace import Workspace


def export(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; an interrupted export goes on.")],
    dataset: Annotated[str, typer.Option(help="ds_...; the newest champion's where left out.")] = "",
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="parquet, webdataset or jsonl; all where left out.")
    ] = None,
    licence: Annotated[
        list[str] | None, typer.Option(help="Only pairs of this licence: CC BY, or by SPDX CC-BY-4.0; repeatable.")
    ] = None,
    refuse_withdrawn: Annotated[
        bool, typer.Option("--refuse-withdrawn", help="Refuse where a source was withdrawn, instead of leaving it out.")
    ] = False,
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Write Parquet (for Hugging Face datasets), WebDataset and JSON lines, with Croissant metadata and a data card.

    Examples:

        journalclip export OUT --workdir W

        journalclip export OUT --format parquet --licence "CC BY" --licence CC0 --json
    """
    from journalclip_pipelines.export import FORMATS, ExportOptions, export_dataset, source_of
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_shared.withdrawals import Withdrawals

    workspace = Workspace.existing(workdir)
    name = dataset or _champions(workspace, kind)
    manifest = workspace.store.find_manifest("datasets", names.frozen(name))
    if manifest is None:
        raise PermanentError("dataset-unknown", f"there is no dataset {name!r}", "`journalclip status` lists them.")
    options = ExportOptions(
        tuple(formats or FORMATS), tuple(licence or ()), withdrawn="refuse" if refuse_withdrawn else "leave-out"
    )
    taken = Withdrawals(workspace.store).fresh()
    done = export_dataset(source_of(workspace.store, manifest), target, options, taken=taken)
    if as_json:
        print_json({**asdict(done), "parts": [asdict(part) for part in done.parts]})
    else:
        mended = f", {done.mended} of them damaged before" if done.mended else ""
        files = f"{len(done.parts)} files, {done.written} new{mended}"
        typer.echo(f"{done.pairs} pairs of {done.dataset_id} in {target}: {files}")
        for name, count in done.left_out.items():
            typer.echo(f"left out by --licence: {count} pairs of {name}")
        for reason, count in done.withdrawn.items():
            typer.echo(f"left out: {count} pairs, {reason}")


def _champions(workspace: Workspace, kind: Kind | None) -> str:
    """The dataset of the champion. Raises `PermanentError` ``dataset-unknown`` and `KindAmbiguous`."""
    from journalclip_pipelines.evaluating import find_installation
    from journalclip_pipelines.evaluating.find import UnknownModel
    from journalclip_shared.records.model import ModelManifest

    try:
        there = find_installation(workspace.root, "champion", kind)
        champion = there.registry.by_alias("champion")
    except UnknownModel:
        champion = None
    if champion is None:
        raise PermanentError("dataset-unknown", "nothing has been promoted yet", "Name one with --dataset.")
    return ModelManifest.model_validate_json(workspace.store.get(champion.manifest)).dataset_id
