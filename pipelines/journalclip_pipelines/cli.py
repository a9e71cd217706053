"""The ``journalclip`` command: wiring of the command modules, nothing else.

Every command takes ``--json`` for machines and has ``--help`` with examples. Exit codes: 0 done (also with quarantined
input), 1 a permanent error (its code and remedy are printed), 2 wrong usage, 3 a check that was asked for failed.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import typer

from journalclip_pipelines.commands import (
    agreement,
    backfill,
    backup,
    catalogue,
    collect,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    extract,
    figures,
    models,
    operations,
    pages,
    quality,
    run,
    search,
    serve,
    sizing,
    status,
    structuring,
    studies,
    suites,
    sweep,
    synthesize,
    trace,
    train,
    withdraw,
)
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError

app = typer.Typer(
    name="journalclip",
    help="Journals and head-MRI archives into a searchable, promoted CLIP model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(status.status)
app.add_typer(status.quarantine, name="quarantine")
app.add_typer(catalogue.catalogue, name="catalogue")
app.command()(catalogue.where)
app.command()(withdraw.withdraw)
app.command()(withdraw.reinstate)
app.command()(search.search)
app.command("search-quality")(search.quality)
app.command()(serve.serve)
app.command()(pages.pages)
app.add_typer(serve.tokens, name="tokens")
app.command()(export.export)
app.command()(explain.explain)
app.command()(trace.trace)
app.command()(evaluate.evaluate)
app.command()(suites.suites)
app.add_typer(models.models, name="models")
app.command()(doctor.doctor)
app.command()(sizing.sizing)
app.command()(synthesize.synthesize)
app.command()(extract.extract)
app.command()(agreement.agreement)
app.command()(train.train)
app.command()(sweep.sweep)
app.add_typer(structuring.structuring, name="structuring")
app.command()(backfill.backfill)
for command in (operations.bootstrap, operations.submit, operations.audit, operations.rebuild, operations.reindex):
    app.command()(command)
app.command()(operations.smoke)
app.command()(collect.collect)
app.command()(backup.backup)
app.command()(backup.restore)
app.command("replay-dlq")(operations.replay_dlq)
app.command("fetch-model", hidden=True)(operations.fetch_model)  # the chart's own
app.command("make-secrets", hidden=True)(operations.make_secrets)  # the chart's own
app.add_typer(studies.studies, name="studies")
app.add_typer(quality.app, name="quality")
app.add_typer(figures.figures, name="figures")
for extension in entry_points(group="journalclip.commands"):  # a development install adds `bench` and `up`
    extension.load()(app)


def main() -> None:
    """Entry point: errors on purpose become one readable line and exit code 1; bugs keep their traceback."""
    try:
        app()
    except (PermanentError, ConfigurationError) as error:
        sys.exit(_say(error.code, error.reason, error.remedy))
    except TransientError as error:
        sys.exit(_say("unavailable", str(error), "Try again; `journalclip doctor` says what is missing."))


def _say(code: str, reason: str, remedy: str) -> int:
    typer.echo(f"error [{code}]: {reason}" + (f"\n  -> {remedy}" if remedy else ""), err=True)
    return 1
