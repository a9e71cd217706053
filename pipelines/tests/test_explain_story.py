"""What `journalclip explain` prints of a study without ``--json``."""

from __future__ import annotations

import io

from rich.console import Console

from journalclip_pipelines.commands.explain import _story
from journalclip_shared.ids import Json

STUDY: dict[str, Json] = {
    "study_id": "std_a", "patient": "pat_b", "date": "2020", "sequences": ["FLAIR", "DWI"], "report_source": "ris",
    "report_text": "deleted with its record; structuring anew needs a new submit", "deid": {}, "reader": "r/1",
}  # fmt: skip
SERIES: dict[str, Json] = {
    "series_id": "ser_c", "sequence": "DWI", "recognised_by": "b-value", "confidence": 0.9, "on_grid": None,
    "study": STUDY,
}  # fmt: skip


def printed(steps: dict[str, Json]) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(_story(steps))
    return out.getvalue()


def test_a_study_says_what_it_holds_and_where_its_reports_text_is() -> None:
    said = printed({"id": "std_a", **STUDY})
    assert "FLAIR, DWI; patient pat_b" in said
    assert "ris; its text: deleted with its record; structuring anew needs a new submit" in said


def test_a_series_and_a_pair_lead_to_their_study() -> None:
    pair: dict[str, Json] = {"text": "bright on the left", "description": {"rendering": "at left shows high"}}
    of_pair: dict[str, Json] = {"id": "pair_d", "pair": pair, "structurer": "rules/6", "series": SERIES}
    of_series: dict[str, Json] = {"id": "ser_c", **SERIES}
    for steps in (of_series, of_pair):
        said = printed(steps)
        assert "DWI by b-value, not on a grid yet" in said
        assert "std_a" in said
    assert "at left shows high" in said
