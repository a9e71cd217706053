"""Paraphrases of template reports: what says the same is kept, everything else is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journalclip_structuring.benching import read_reports, write_reports
from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.client import EndpointOptions
from journalclip_structuring.endpoint.journal import ListJournal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit, WholeCap
from journalclip_structuring.endpoint.structurer import EndpointStructurer
from journalclip_structuring.errors import StructurerStopped
from journalclip_structuring.pseudo.corpus import PseudoReport
from journalclip_structuring.pseudo.paraphrase import ParaphraseTask, fault_of, paraphrased
from journalclip_structuring.study import load
from journalclip_structuring.testing.endpoint import Misbehaving, Mode

INFARCT = PseudoReport(
    "r1",
    "FLAIR: hyperintense infarct in the left thalamus. No hydrocephalus.",
    load(
        '{"q":["FLAIR"],"f":[{"t":"infarct","l":"left","s":"thalamus","o":{"FLAIR":"hyperintense"}},'
        '{"t":"hydrocephalus","n":1}]}'
    ),
)
SAID = "There is no hydrocephalus. An infarct of the left thalamus is bright on FLAIR."


def endpoint(folder: Path, said: str, mode: Mode | None = None) -> EndpointStructurer:
    options = EndpointOptions(url="http://endpoint.invalid/v1", model="m", attempts=2, backoff_s=0.001)
    double = Misbehaving(mode, lambda _: json.dumps({"report": said}), 1.0)
    return EndpointStructurer(
        options, Budget(WholeCap(1e9)), Prices(0, 0), RateLimit(10**9), AnswerCache(folder), ListJournal(), double
    )


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (SAID, ""),
        (INFARCT.text.upper(), "unchanged"),
        (SAID.replace("left", "right"), "record-differs"),
        (SAID.replace("There is no hydrocephalus. ", ""), "record-differs"),
        (SAID.replace("An infarct", "A possible infarct"), "record-differs"),
        ("Kein Hydrocephalus. Links im Thalamus ist ein Infarkt.", "language-unsupported"),
    ],
)
def test_only_what_says_the_same_in_other_words_is_kept(said: str, fault: str) -> None:
    assert fault_of(INFARCT, said) == fault


def test_what_the_endpoint_says_is_kept_with_the_truth_that_was_drawn(tmp_path: Path) -> None:
    found = paraphrased([INFARCT], endpoint(tmp_path, SAID).ask)
    assert [(each.text, each.study) for each in found.kept] == [(SAID, INFARCT.study)]
    assert found.dropped == {}
    write_reports(tmp_path / "said.jsonl", found.kept)
    assert read_reports(tmp_path / "said.jsonl") == list(found.kept)


def test_what_is_dropped_is_counted_by_its_reason(tmp_path: Path) -> None:
    assert paraphrased([INFARCT], endpoint(tmp_path / "a", SAID.replace("left", "right")).ask).dropped == {
        "record-differs": 1
    }
    assert paraphrased([INFARCT], endpoint(tmp_path / "b", SAID, "refusal").ask).dropped == {"text-refused": 1}


def test_a_wrong_key_stops_and_drops_nothing(tmp_path: Path) -> None:
    with pytest.raises(StructurerStopped):
        paraphrased([INFARCT], endpoint(tmp_path, SAID, "401").ask)


def test_a_report_is_quoted_as_data_and_its_style_is_its_own() -> None:
    system, asked = ParaphraseTask(INFARCT).messages("")
    assert INFARCT.text in asked["content"]
    assert INFARCT.text not in system["content"]
    styles = {ParaphraseTask(PseudoReport(str(n), "x", INFARCT.study)).messages("")[0]["content"] for n in range(40)}
    assert len(styles) > 3
