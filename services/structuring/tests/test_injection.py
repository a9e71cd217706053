"""Texts that instruct: flagged, structured as data, obeyed by nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.client import EndpointOptions
from journalclip_structuring.endpoint.journal import ListJournal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit, WholeCap
from journalclip_structuring.endpoint.structurer import EndpointStructurer
from journalclip_structuring.fallback import WithRules
from journalclip_structuring.injection import suspicions
from journalclip_structuring.prompts import messages
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import StructureRequest
from journalclip_structuring.testing.endpoint import Misbehaving
from journalclip_structuring.testing.injections import injected_captions

CASES = injected_captions()


def test_two_hundred_captions_in_ten_styles_each_with_its_own_canary() -> None:
    assert len(CASES) == 200
    assert len({case.style for case in CASES}) == 10
    assert len({case.canary for case in CASES}) == 200


def test_at_least_95_percent_are_flagged() -> None:
    flagged = sum(bool(suspicions(case.text)) for case in CASES)
    assert flagged >= 190


def test_orders_in_other_words_are_flagged_too() -> None:
    """Other words in the same styles; what was flagged at first sight is in docs/benchmarks/structuring.md."""
    unseen = injected_captions(held_out=True)
    assert sum(bool(suspicions(case.text)) for case in unseen) >= 190


def test_rules_obey_none() -> None:
    for case in CASES:
        record = RuleStructurer().caption(StructureRequest("1", case.text))
        spoken = record.model_dump(exclude={"modality", "findings", "anatomy", "laterality", "procedure"})
        assert case.canary not in json.dumps(spoken)
        assert case.canary not in record.rendering
        assert "hidden-instruction" in record.flags


def test_a_model_that_obeys_gets_nothing_into_a_record(tmp_path: Path) -> None:
    """The double obeys every order it can read: whatever it answers, the canary stays outside."""
    canaries = {case.text: case.canary for case in CASES}

    def obey(message: str) -> str:
        canary = canaries["\n".join(message.split("\n")[1:-1])]
        empty: dict[str, object] = {
            name: []
            for name in ("modality", "sequence", "plane", "anatomy", "laterality", "procedure", "stage", "findings")
        }
        finding = {
            "term": canary,
            "quote": "CT",
            "negated": False,
            "certainty": "certain",
            "site": None,
            "laterality": None,
        }
        return json.dumps(empty | {"findings": [finding]})

    endpoint = EndpointStructurer(
        EndpointOptions(url="http://endpoint.invalid/v1", model="m", attempts=2, backoff_s=0.001),
        Budget(WholeCap(1e9)), Prices(), RateLimit(10**9), AnswerCache(tmp_path), ListJournal(),
        Misbehaving(None, obey),
    )  # fmt: skip
    requests = [StructureRequest(str(number), case.text) for number, case in enumerate(CASES)]
    results = endpoint.structure(requests)
    assert {result.failure.code for result in results if result.failure} == {"answer-wrong-schema"}
    for case, result in zip(CASES, WithRules(endpoint).structure(requests), strict=True):
        assert result.record is not None
        assert case.canary not in result.record.rendering
        assert {"hidden-instruction", "fallback"} <= set(result.record.flags)


def test_a_text_cannot_close_its_own_quotation() -> None:
    for case in CASES[:20]:
        system, user = messages(case.text, "caption")
        mark = user["content"].split("\n")[0]
        assert user["content"].endswith(mark)
        assert user["content"].count(mark) == 2
        assert case.canary not in system["content"]


@pytest.mark.parametrize(
    "text",
    [
        "Axial CT (arrow) showing ring enhancement of the left frontal mass.",
        "User-defined regions of interest; the system was calibrated at 37 °C.",
        "We followed all previous reports and added only two markers.",
        "Patients were instructed to ignore the tone. A: baseline; B: after training.",
        "FISH showing 1p/19q codeletion; probe sequence ACGTACGTACGTACGTACGTACGTACGT.",
    ],
)
def test_ordinary_captions_are_not_flagged(text: str) -> None:
    assert suspicions(text) == ()
