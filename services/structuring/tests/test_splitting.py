"""A caption divided by a model: quotations only, the letters that were asked for, in the caption's own order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.client import EndpointOptions
from journalclip_structuring.endpoint.journal import ListJournal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit, WholeCap
from journalclip_structuring.endpoint.strict import KEYWORDS
from journalclip_structuring.endpoint.structurer import EndpointStructurer
from journalclip_structuring.splitting import _EXAMPLES, SplitTask, split_schema
from journalclip_structuring.structurer import Failure, SplitRequest
from journalclip_structuring.testing.endpoint import Misbehaving, Mode

CAPTION = "Axial MRI. (A) FLAIR without an infarct. (B) DWI with one."
ANSWER: dict[str, Any] = {
    "common": ["Axial MRI."],
    "panels": [
        {"letter": "A", "quotes": ["FLAIR without an infarct."]},
        {"letter": "B", "quotes": ["DWI with one."]},
    ],
}
WANTED = {"A": "Axial MRI. FLAIR without an infarct.", "B": "Axial MRI. DWI with one."}


def task(letters: tuple[str, ...] = ("A", "B")) -> SplitTask:
    return SplitTask(SplitRequest("1", CAPTION, letters))


def endpoint(folder: Path, mode: Mode | None, share: float) -> tuple[EndpointStructurer, Misbehaving]:
    double = Misbehaving(mode, lambda _: json.dumps(ANSWER), share)
    options = EndpointOptions(url="http://endpoint.invalid/v1", model="m", attempts=3, backoff_s=0.001)
    budget = Budget(WholeCap(1e9))
    made = EndpointStructurer(
        options, budget, Prices(0, 0), RateLimit(10**9), AnswerCache(folder), ListJournal(), double
    )
    return made, double


def test_each_letter_has_the_common_words_and_its_own() -> None:
    assert task().read(ANSWER) == WANTED


@pytest.mark.parametrize(
    "change",
    [
        {"common": ["Coronal MRI."]},
        {"panels": ANSWER["panels"][:1]},
        {"panels": [*ANSWER["panels"], {"letter": "C", "quotes": []}]},
        {"panels": [ANSWER["panels"][0], ANSWER["panels"][0]]},
        {"note": "done"},
        {"common": "Axial MRI."},
    ],
)
def test_an_answer_of_other_words_or_letters_is_wrong(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"quotation|letter|keys"):
        task().read(ANSWER | change)


def test_a_letter_without_words_of_its_own_has_no_text() -> None:
    answer = ANSWER | {"panels": [ANSWER["panels"][0], {"letter": "B", "quotes": []}]}
    assert task().read(answer) == {"A": WANTED["A"], "B": ""}


@pytest.mark.parametrize(("letters", "caption", "answer"), _EXAMPLES)
def test_the_examples_are_read_as_a_models_answers_are(letters: str, caption: str, answer: str) -> None:
    asked = SplitRequest("1", caption, tuple(letters.split(", ")))
    assert all(SplitTask(asked).read(json.loads(answer)).values())


def test_the_schema_is_clean_for_strict_decoders() -> None:
    def keys(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(keys, schema)) if schema else set()
        if not isinstance(schema, dict):
            return set()
        inner = schema.get("properties", {})
        rest = [value for key, value in schema.items() if key != "properties"]
        return set(schema) | keys(list(inner.values())) | keys(rest)

    assert keys(task().schema()) <= KEYWORDS
    assert set(split_schema()["properties"]) == {"common", "panels"}


def test_the_endpoint_divides_and_an_answer_is_asked_for_once(tmp_path: Path) -> None:
    made, double = endpoint(tmp_path, None, 0)
    request = SplitRequest("1", CAPTION, ("A", "B"))
    assert made.split([request]) == [WANTED]
    assert made.split([request]) == [WANTED]
    assert double.requests == 1, "the answer is kept"
    assert "Panels: A, B" in double.bodies[0]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("mode", "code"),
    [("wrong schema", "answer-wrong-schema"), ("refusal", "text-refused"), ("401", "endpoint-unauthorized")],
)
def test_a_misbehaving_endpoint_gives_a_reason_and_no_text(tmp_path: Path, mode: Mode, code: str) -> None:
    made, _ = endpoint(tmp_path, mode, 1.0)
    (outcome,) = made.split([SplitRequest("1", CAPTION, ("A", "B"))])
    assert isinstance(outcome, Failure)
    assert outcome.code == code
