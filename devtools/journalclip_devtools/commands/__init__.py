"""Commands of a development install: ``journalclip bench ...`` and ``journalclip up``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add these commands to ``journalclip``; the entry point ``journalclip.commands`` names this function."""
    from journalclip_devtools.commands import (
        bench_burned_in,
        bench_duplicates,
        bench_evaluation,
        bench_events,
        bench_extraction,
        bench_hostile,
        bench_injection,
        bench_long_captions,
        bench_loss,
        bench_mri,
        bench_panels,
        bench_real_pairs,
        bench_selip,
        bench_serving,
        bench_training,
        up,
    )
    from journalclip_pipelines.commands import structuring

    bench = typer.Typer(
        help="Measurements, each a ratio against a bare baseline in the same run.", no_args_is_help=True
    )
    app.add_typer(bench, name="bench")
    app.command()(up.up)
    for command in (
        bench_extraction.extraction,
        bench_extraction.scaling,
        bench_extraction.backfill,
        bench_hostile.hostile,
        bench_duplicates.duplicates,
        bench_loss.loss,
        bench_training.training,
        bench_training.similarity,
        bench_training.forgetting,
        bench_training.kills,
        bench_real_pairs.real_pairs,
        bench_long_captions.long_captions,
        bench_serving.serving,
        bench_serving.search_cost,
        bench_serving.reload,
        bench_serving.fusion,
        bench_serving.hybrid,
        bench_serving.study_search,
        bench_events.backbone,
        bench_events.ingestion,
        bench_evaluation.evaluation,
        bench_panels.panels,
        bench_mri.mri,
        bench_selip.selip,
    ):
        bench.command()(command)
    bench.command("structuring")(structuring.bench_structuring)
    bench.command("injection")(bench_injection.bench_injection)
    bench.command("burned-in")(bench_burned_in.burned_in)
