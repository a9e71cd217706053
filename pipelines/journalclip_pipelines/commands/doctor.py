"""``journalclip doctor``: what this machine has and lacks."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

_FAILED_CHECK = 3


def doctor(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Say what is there, what is missing, and what for. Exits 3 when something essential is missing.

    Examples:

        journalclip doctor
    """
    from journalclip_pipelines.operations.doctor import checks

    found = list(checks(workdir))
    if as_json:
        print_json({"checks": [check.as_json() for check in found]})
    else:
        table = Table("check", "state", "detail", "needed for")
        for check in found:
            table.add_row(check.name, check.state, check.detail, check.needed_for)
        Console().print(table)
    if any(check.state == "missing" for check in found):
        raise typer.Exit(_FAILED_CHECK)
