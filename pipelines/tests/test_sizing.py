from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from journalclip_pipelines.cli import app
from journalclip_pipelines.operations.sizing import DAY_S, Costs, Stream, need

amounts = st.floats(0, 1e6, allow_nan=False)


@given(amounts, amounts, st.floats(1, 10), st.floats(0.1, 1))
def test_what_is_asked_for_keeps_up_and_is_never_more_than_one_core_too_many(
    articles: float, archive: float, peak: float, busy: float
) -> None:
    costs = Costs()
    found = need(Stream(articles, archive, peak, busy), costs)
    work = articles / DAY_S * peak * (costs.pages * costs.page_s + costs.figures * costs.figure_s)
    assert work <= found.extraction_cores * busy * (1 + 1e-9)
    assert found.extraction_cores <= max(1.0, work / busy + 1 + 1e-9)


@given(amounts, amounts)
def test_more_articles_never_need_less(few: float, more: float) -> None:
    small, large = need(Stream(few)), need(Stream(few + more))
    for name in ("extraction_cores", "structuring_cores", "gpus", "storage_gb", "index_gb", "pairs"):
        assert getattr(small, name) <= getattr(large, name)


def test_an_archive_counts_once_for_reading_and_for_good_in_training_and_storage() -> None:
    without, with_it = need(Stream(100)), need(Stream(100, archive=100_000))
    assert with_it.extraction_cores == without.extraction_cores
    assert with_it.extraction_cores_backfill > 0 == without.extraction_cores_backfill
    assert with_it.gpu_hours_per_training > 3 * without.gpu_hours_per_training


@pytest.mark.parametrize("arguments", [["200"], ["500", "--archive", "300000"]])
def test_the_command_names_the_values_to_set(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, ["sizing", *arguments])
    assert shown.exit_code == 0
    assert "training.ray.workers" in shown.output
    answer = json.loads(CliRunner().invoke(app, ["sizing", *arguments, "--json"]).output)
    assert answer["extraction_cores"] >= 1
