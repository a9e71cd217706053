"""The ``journalclip`` command: wiring of the command modules, nothing else.

Every command takes ``--json`` for machines and has ``--help`` with examples. Exit codes: 0 done (also with quarantined
input), 1 a permanent error (its code and remedy are printed), 2 wrong usage, 3 a check that was asked for failed.
"""

from __future__ import annotations

import sys

import typer

from journalclip_pipelines.commands import (
    backbone,
    backfill,
    bench_backbone,
    bench_burned_in,
    bench_evaluation,
    bench_extraction,
    bench_hostile,
    bench_injection,
    bench_loss,
    bench_mri,
    bench_panels,
    bench_serving,
    bench_training,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    extract,
    models,
    quality,
    run,
    search,
    serve,
    sizing,
    status,
    structuring,
    studies,
    suites,
    synthesize,
    train,
)
from journalclip_shared.errors import PermanentError, TransientError

app = typer.Typer(
    name="journalclip",
    help="Journals and head-MRI archives into a searchable, promoted CLIP model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
bench = typer.Typer(help="Measurements, each a ratio against a bare baseline in the same run.", no_args_is_help=True)
app.add_typer(bench, name="bench")
app.command()(run.run)
app.command()(demo.demo)
app.command()(status.status)
app.add_typer(status.quarantine, name="quarantine")
app.command()(search.search)
app.command("search-quality")(search.quality)
app.command()(serve.serve)
app.add_typer(serve.tokens, name="tokens")
app.command()(export.export)
app.command()(explain.explain)
app.command()(evaluate.evaluate)
app.command()(suites.suites)
app.add_typer(models.models, name="models")
app.command()(doctor.doctor)
app.command()(sizing.sizing)
app.command()(synthesize.synthesize)
app.command()(extract.extract)
app.command()(train.train)
app.add_typer(structuring.structuring, name="structuring")
app.command()(backfill.backfill)
bench.command()(bench_extraction.extraction)
bench.command()(bench_extraction.scaling)
bench.command()(bench_extraction.backfill)
bench.command("structuring")(structuring.bench_structuring)
bench.command()(bench_hostile.hostile)
bench.command("injection")(bench_injection.bench_injection)
bench.command()(bench_loss.loss)
bench.command()(bench_training.training)
bench.command()(bench_training.similarity)
bench.command()(bench_training.forgetting)
bench.command()(bench_training.kills)
bench.command()(bench_serving.serving)
bench.command()(bench_serving.reload)
bench.command()(bench_serving.fusion)
for command in (backbone.up, backbone.bootstrap, backbone.submit, backbone.audit, backbone.rebuild, backbone.reindex):
    app.command()(command)
app.command("replay-dlq")(backbone.replay_dlq)
bench.command()(bench_backbone.backbone)
bench.command()(bench_backbone.ingestion)
bench.command()(bench_evaluation.evaluation)
bench.command()(bench_panels.panels)
bench.command()(bench_mri.mri)
bench.command("burned-in")(bench_burned_in.burned_in)
app.add_typer(studies.studies, name="studies")
app.add_typer(quality.app, name="quality")


def main() -> None:
    """Entry point: errors on purpose become one readable line and exit code 1; bugs keep their traceback."""
    try:
        app()
    except PermanentError as error:
        sys.exit(_say(error.code, error.reason, error.remedy))
    except TransientError as error:
        sys.exit(_say("unavailable", str(error), "Try again; `journalclip doctor` says what is missing."))


def _say(code: str, reason: str, remedy: str) -> int:
    typer.echo(f"error [{code}]: {reason}" + (f"\n  -> {remedy}" if remedy else ""), err=True)
    return 1
