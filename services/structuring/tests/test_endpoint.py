"""The endpoint structurer against an endpoint that misbehaves in twelve ways."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from journalclip_shared.records.report import ReportRecord
from journalclip_structuring.endpoint.answer import read_object, read_reply
from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.client import MAX_TEXT, EndpointOptions, EndpointStructurer
from journalclip_structuring.endpoint.journal import FileJournal, ListJournal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit
from journalclip_structuring.pseudo.corpus import PseudoReport, pseudo_reports
from journalclip_structuring.structurer import Failure, StructureRequest, StructureResult
from journalclip_structuring.study import dump, to_record
from journalclip_structuring.testing.endpoint import MODES, Misbehaving, Mode

CALLS = 500
REPORTS = list(pseudo_reports(1, CALLS))
TRUTH = {report.text: report for report in REPORTS}


def answer(message: str) -> str:
    """What a faultless model says to a quoted report."""
    return dump(TRUTH["\n".join(message.split("\n")[1:-1])].study)


class Bench:
    """A structurer, its double and its books."""

    def __init__(self, folder: Path, mode: Mode | None, cap: float = 1e9, **more: float) -> None:
        self.double = Misbehaving(mode, answer)
        self.journal = ListJournal()
        self.budget = Budget(cap)
        options = EndpointOptions(
            url="http://endpoint.invalid/v1", model="m", key="secret", concurrency=64, attempts=3,
            timeout_s=more.get("timeout_s", 0.5 if mode in {"stall", "slow drip"} else 30), backoff_s=0.001,
        )  # fmt: skip
        self.structurer = EndpointStructurer(
            options, self.budget, Prices(1.0, 4.0), RateLimit(10**9), AnswerCache(folder), self.journal, self.double
        )

    def run(self, reports: list[PseudoReport]) -> list[StructureResult]:
        return self.structurer.structure([StructureRequest(r.report_id, r.text, "report") for r in reports])

    def true_cost(self) -> float:
        return Prices(1.0, 4.0).cost(self.double.billed_prompt, self.double.billed_answer)


CODES = {
    "429 storm": "endpoint-rate-limited", "5xx": "endpoint-unavailable", "stall": "endpoint-timeout",
    "truncated JSON": "answer-not-json", "wrong schema": "answer-wrong-schema", "refusal": "answer-refused",
    "duplicate keys": "answer-duplicate-key", "model swapped": "model-swapped", "empty": "answer-empty",
    "huge": "answer-huge", "non-UTF-8": "answer-not-utf8", "slow drip": "endpoint-timeout",
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_doubled_or_unrecorded(tmp_path: Path, mode: Mode) -> None:
    bench = Bench(tmp_path, mode)
    results = bench.run(REPORTS)
    assert [result.request_id for result in results] == [report.report_id for report in REPORTS]
    for result, report in zip(results, REPORTS, strict=True):
        if isinstance(result.record, ReportRecord):
            assert result.record.descriptions == to_record(report.study, report.text).descriptions
        else:
            assert result.failure is not None
            assert result.failure.code == CODES[mode]
    done = sum(result.record is not None for result in results)
    assert 0 < done < CALLS, "the double misbehaves often enough that some texts fail all attempts"
    assert len(bench.journal.attempts) == bench.double.requests
    assert {attempt.code for attempt in bench.journal.attempts} == {"ok", CODES[mode]}
    assert sum(attempt.code == "ok" for attempt in bench.journal.attempts) == done
    assert bench.true_cost() <= bench.budget.committed + 1e-9
    assert bench.budget.committed == pytest.approx(sum(attempt.cost_usd for attempt in bench.journal.attempts))
    assert "secret" not in repr(bench.journal.attempts)


@pytest.mark.parametrize("mode", [None, *MODES])
def test_the_spend_cap_holds(tmp_path: Path, mode: Mode | None) -> None:
    cap = 0.05  # a hundred reports cost about 0.13
    bench = Bench(tmp_path, mode, cap)
    results = bench.run(REPORTS[:100])
    assert bench.true_cost() <= bench.budget.committed <= cap
    capped = [result.failure for result in results if result.failure and result.failure.code == "spend-cap-reached"]
    assert capped
    assert all(failure.retryable for failure in capped)
    assert len(bench.journal.attempts) == bench.double.requests + len(capped)


def test_a_text_is_asked_once_and_then_answered_from_the_cache(tmp_path: Path) -> None:
    first = Bench(tmp_path, None)
    records = [result.record for result in first.run(REPORTS[:20])]
    again = Bench(tmp_path, None)
    assert [result.record for result in again.run(REPORTS[:20])] == records
    assert again.double.requests == 0
    assert [attempt.code for attempt in again.journal.attempts] == ["cached"] * 20


def test_a_spoilt_cache_entry_is_asked_again(tmp_path: Path) -> None:
    Bench(tmp_path, None).run(REPORTS[:1])
    (entry,) = tmp_path.rglob("*.json")
    entry.write_text('{"q":', encoding="utf-8")
    again = Bench(tmp_path, None)
    assert again.run(REPORTS[:1])[0].record is not None
    assert again.double.requests == 1


def test_a_refused_request_is_not_repeated(tmp_path: Path) -> None:
    bench = Bench(tmp_path, None)
    bench.structurer._transport = httpx.MockTransport(lambda _: httpx.Response(400, content=b"no such model"))
    (result,) = bench.run(REPORTS[:1])
    assert result.failure == Failure("endpoint-refused-request", "status 400: b'no such model'")
    assert [attempt.attempt for attempt in bench.journal.attempts] == [1]


def test_an_endpoint_that_is_gone_is_retryable(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    bench = Bench(tmp_path, None)
    bench.structurer._transport = httpx.MockTransport(refuse)
    (result,) = bench.run(REPORTS[:1])
    assert result.failure == Failure("endpoint-unavailable", "ConnectError", retryable=True)
    assert len(bench.journal.attempts) == 3


def test_a_text_without_end_is_not_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, None)
    (result,) = bench.structurer.structure([StructureRequest("1", "x" * (MAX_TEXT + 1))])
    assert result.failure is not None
    assert result.failure.code == "text-too-long"
    assert bench.double.requests == 0


def caption_answer(**fields: object) -> str:
    empty: dict[str, object] = {
        name: []
        for name in ("modality", "sequence", "plane", "anatomy", "laterality", "procedure", "stage", "findings")
    }
    return json.dumps(empty | fields)


FINDING = {
    "term": "infarct",
    "quote": "infarct",
    "negated": True,
    "certainty": "certain",
    "site": None,
    "laterality": None,
}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"modality": [{"term": "CT", "quote": "CT"}], "findings": [FINDING]}, None),
        ({"modality": [{"term": "CT", "quote": "from elsewhere"}]}, "quote 'from elsewhere' is not in the caption"),
        ({"modality": [{"term": "ZORBLAX", "quote": "CT"}]}, "unknown modality 'ZORBLAX'"),
        ({"modality": [{"term": "CT"}]}, "keys ['term'] in modality"),
        ({"modality": [{"term": "CT", "quote": "CT"}] * 13}, "a field is not a short list of objects"),
        ({"modality": "CT"}, "a field is not a short list of objects"),
        ({"extra": []}, "keys ["),
        ({"findings": [FINDING | {"site": "the moon"}]}, "unknown site 'the moon'"),
        ({"findings": [FINDING | {"more": 1}]}, "keys ["),
        ({"findings": [FINDING | {"negated": "yes"}]}, "1 validation error"),
    ],
)  # fmt: skip
def test_captions_take_only_vocabulary_terms_and_the_captions_own_words(
    tmp_path: Path, fields: dict[str, object], reason: str | None
) -> None:
    bench = Bench(tmp_path, None)
    bench.structurer._transport = Misbehaving(None, lambda _: caption_answer(**fields))
    (result,) = bench.structurer.structure([StructureRequest("1", "CT, no infarct.", panel="A")])
    if reason is None:
        assert result.record is not None
    else:
        assert result.failure is not None
        assert reason in result.failure.reason


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "answer-empty"),
        (b'{"choices": []}', "answer-empty"),
        (b'{"model": "m", "choices": ["x"]}', "answer-empty"),
        (b'{"model": "m", "choices": [{"message": {"content": "{"}, "finish_reason": "length"}]}', "answer-truncated"),
        (b'{"model": "m", "choices": [{"message": {}, "finish_reason": "content_filter"}]}', "answer-refused"),
        (b"<html>", "answer-not-json"),
    ],
)
def test_replies_that_are_no_answer(body: bytes, code: str) -> None:
    found = read_reply(200, body, "m")
    assert isinstance(found, Failure)
    assert found.code == code


def test_an_answer_is_one_object() -> None:
    assert read_object("[1]") == Failure("answer-wrong-schema", "a list, not an object")


def test_the_rate_limit_spaces_its_starts() -> None:
    import asyncio

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def three() -> None:
        limit = RateLimit(60, clock=lambda: 100.0, sleep=sleep)
        for _ in range(3):
            await limit.wait()

    asyncio.run(three())
    assert slept == [1.0, 2.0]


def test_the_file_journal_appends_one_line_an_attempt(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "cache", None)
    journal = FileJournal(tmp_path / "attempts.jsonl")
    bench.structurer._journal = journal
    bench.run(REPORTS[:3])
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "attempts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(line["request_id"] for line in lines) == sorted(report.report_id for report in REPORTS[:3])
    assert all(line["code"] == "ok" and REPORTS[0].text not in str(line) for line in lines)
