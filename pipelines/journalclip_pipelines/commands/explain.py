"""``journalclip explain``: from any id back to the page, and forward to dataset, model and alias."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.tree import Tree

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.ids import Json


def explain(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="pair_..., fig_..., pan_..., art_..., ds_... or mdl_...")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Walk a search hit (or any id) back to page and box, PDF digest, versions, dataset and run.

    Examples:

        journalclip explain pair_4x... --workdir W

        journalclip explain art_k2... --json
    """
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_shared.lineage import Lineage

    steps = Lineage(Workspace.existing(workdir).store).explain(wanted)
    if as_json:
        print_json(steps)
    else:
        Console().print(_tree(wanted, steps))


def _tree(name: str, value: Json) -> Tree:
    tree = Tree(name)
    _grow(tree, value)
    return tree


def _grow(tree: Tree, value: Json) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                _grow(tree.add(f"[bold]{name}[/bold]"), inner)
            elif inner not in (None, "", [], {}):
                tree.add(f"{name}: {inner}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            if isinstance(inner, dict | list):
                _grow(tree.add(f"[{position}]"), inner)
            else:
                tree.add(str(inner))
