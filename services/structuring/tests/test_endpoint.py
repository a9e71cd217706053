"""The endpoint structurer against an endpoint that misbehaves, and what each misbehaviour must come to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.events import Event, StudyStructured, VolumesExtracted
from journalclip_shared.records.report import ReportRecord
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import MemoryArtifacts
from journalclip_structuring.caption_answer import caption_record
from journalclip_structuring.endpoint.answer import read_object, read_reply
from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.client import MAX_TEXT, EndpointOptions
from journalclip_structuring.endpoint.journal import FileJournal, ListJournal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit, StoredGrants, WholeCap
from journalclip_structuring.endpoint.strict import KEYWORDS, strict_schema
from journalclip_structuring.endpoint.structurer import EndpointStructurer
from journalclip_structuring.errors import StructurerStopped, StructurerUnavailable
from journalclip_structuring.examples import EXAMPLES
from journalclip_structuring.fallback import WithRules
from journalclip_structuring.prompts import answer_schema
from journalclip_structuring.pseudo.corpus import PseudoReport, pseudo_reports
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import Failure, Kind, Structurer, StructureRequest, StructureResult
from journalclip_structuring.studies.handler import StudyStructuringHandler
from journalclip_structuring.study import dump, load, to_record
from journalclip_structuring.testing.endpoint import MODES, Misbehaving, Mode

CALLS = 60
REPORTS = list(pseudo_reports(1, CALLS))
TRUTH = {report.text: report for report in REPORTS}


def answer(message: str) -> str:
    """What a faultless model says to a quoted report."""
    return dump(TRUTH["\n".join(message.split("\n")[1:-1])].study)


class EndpointRun:
    """A structurer, its double and its books."""

    def __init__(self, folder: Path, mode: Mode | None, cap: float = 1e9, **more: Any) -> None:
        self.double = Misbehaving(mode, answer, share=float(more.get("share", 0.6)))
        self.journal = ListJournal()
        self.budget = Budget(WholeCap(cap))
        options = EndpointOptions(
            url="http://endpoint.invalid/v1", model="m", key="secret", concurrency=64, attempts=3,
            timeout_s=more.get("timeout_s", 0.5) if mode in {"stall", "slow drip"} else 30, backoff_s=0.001,
            answers_as=more.get("answers_as", ()), extra=more.get("extra", {}),
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
    "truncated JSON": "answer-not-json", "wrong schema": "answer-wrong-schema", "refusal": "text-refused",
    "duplicate keys": "answer-duplicate-key", "empty": "answer-empty", "huge": "answer-huge",
    "non-UTF-8": "answer-not-utf8", "slow drip": "endpoint-timeout", "cut short": "answer-truncated",
    "too long": "text-too-long", "content refused": "text-refused", "HTML": "endpoint-not-json",
}  # fmt: skip
READ: tuple[Mode, ...] = ("fenced", "thinking", "prose")
SETTINGS: dict[Mode, tuple[str, str]] = {
    "401": ("endpoint-unauthorized", "JOURNALCLIP_ENDPOINT_KEY"),
    "403": ("endpoint-forbidden", "JOURNALCLIP_ENDPOINT_KEY"),
    "404": ("endpoint-not-found", "JOURNALCLIP_ENDPOINT_URL"),
    "redirect": ("endpoint-redirects", "JOURNALCLIP_ENDPOINT_URL"),
    "model unknown": ("endpoint-model-unknown", "JOURNALCLIP_ENDPOINT_MODEL"),
    "model swapped": ("model-swapped", "JOURNALCLIP_ENDPOINT_ANSWERS_AS"),
}
WAITING: dict[Mode, str] = {
    "429 storm": "JOURNALCLIP_ENDPOINT_PER_MINUTE", "5xx": "JOURNALCLIP_ENDPOINT_URL",
    "HTML": "JOURNALCLIP_ENDPOINT_URL",
    "stall": "JOURNALCLIP_ENDPOINT_TIMEOUT_S", "slow drip": "JOURNALCLIP_ENDPOINT_TIMEOUT_S",
}  # fmt: skip


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode in CODES])
def test_nothing_is_lost_doubled_or_unrecorded(tmp_path: Path, mode: Mode) -> None:
    bench = EndpointRun(tmp_path, mode)
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


@pytest.mark.parametrize("mode", SETTINGS)
def test_a_wrong_setting_stops_all_texts_after_one_attempt_each_in_flight(tmp_path: Path, mode: Mode) -> None:
    bench = EndpointRun(tmp_path, mode, share=1.0)
    results = bench.run(REPORTS)
    code, setting = SETTINGS[mode]
    failures = [result.failure for result in results]
    assert all(failure and (failure.code, failure.setting) == (code, setting) for failure in failures)
    assert all(failure and failure.retryable and failure.stops and setting in failure.reason for failure in failures)
    assert bench.double.requests <= 64, "those in flight when the first was refused, and no more"


@pytest.mark.parametrize("mode", WAITING)
def test_what_waiting_may_mend_is_tried_and_names_its_setting(tmp_path: Path, mode: Mode) -> None:
    bench = EndpointRun(tmp_path, mode, share=1.0)
    (result,) = bench.run(REPORTS[:1])
    assert result.failure is not None
    assert result.failure.retryable
    assert result.failure.setting == WAITING[mode]
    assert bench.double.requests == 3


@pytest.mark.parametrize("mode", READ)
def test_fences_thinking_and_prose_around_an_answer_are_read(tmp_path: Path, mode: Mode) -> None:
    bench = EndpointRun(tmp_path, mode, share=1.0)
    results = bench.run(REPORTS[:20])
    assert all(result.record is not None for result in results)
    assert bench.double.requests == 20


def test_a_bad_answer_is_never_asked_for_twice_in_the_same_way(tmp_path: Path) -> None:
    bench = EndpointRun(tmp_path, "cut short", share=1.0)
    (result,) = bench.run(REPORTS[:1])
    assert result.failure is not None
    assert result.failure.code == "answer-truncated"
    assert not result.failure.retryable
    bodies = [json.dumps(body, sort_keys=True) for body in bench.double.bodies]
    assert len(set(bodies)) == len(bodies) == 3
    assert [body["max_tokens"] for body in bench.double.bodies] == [1500, 3000, 6000]
    assert all(REPORTS[0].text in body["messages"][-1]["content"] for body in bench.double.bodies)


@pytest.mark.parametrize("mode", ["refusal", "too long", "content refused"])
def test_what_is_the_texts_fault_is_asked_once(tmp_path: Path, mode: Mode) -> None:
    bench = EndpointRun(tmp_path, mode, share=1.0)
    (result,) = bench.run(REPORTS[:1])
    assert result.failure is not None
    assert result.failure.code.startswith("text-")
    assert not result.failure.retryable
    assert bench.double.requests == 1


def test_a_server_without_schemas_is_asked_in_a_weaker_form_and_then_always(tmp_path: Path) -> None:
    bench = EndpointRun(tmp_path, "schema refused", share=1.0)
    assert all(result.record is not None for result in bench.run(REPORTS[:1]))
    assert ["response_format" in body for body in bench.double.bodies] == [True, True, False]
    assert all(result.record is not None for result in bench.run(REPORTS[1:5]))
    assert bench.double.requests == 7


def test_an_alias_and_a_path_are_accepted_by_configuration_alone(tmp_path: Path) -> None:
    for name in ("a-cheaper-model", "/srv/models/m"):
        bench = EndpointRun(tmp_path / name.strip("/"), "model swapped", share=1.0, answers_as=(name,))
        (result,) = bench.run(REPORTS[:1])
        assert (result.record is not None) == (name == "a-cheaper-model")
    plain, aliased = EndpointRun(tmp_path, None), EndpointRun(tmp_path, None, answers_as=("x",))
    assert plain.structurer.version != aliased.structurer.version, "who wrote a record is part of its name"


def test_what_is_merged_into_a_request_may_take_a_key_out(tmp_path: Path) -> None:
    bench = EndpointRun(tmp_path, None, extra={"max_tokens": None, "seed": 1})
    bench.run(REPORTS[:1])
    assert "max_tokens" not in bench.double.bodies[0]
    assert bench.double.bodies[0]["seed"] == 1


@pytest.mark.parametrize("kind", get_args(Kind))
def test_schemas_are_clean_for_strict_decoders(kind: Kind) -> None:
    schema = strict_schema(answer_schema(kind))
    values = 0
    waiting: list[Any] = [schema]
    while waiting:
        each = waiting.pop()
        assert set(each) <= KEYWORDS
        assert "type" in each
        values += len(each.get("enum", ()))
        if "properties" in each:
            assert each["additionalProperties"] is False
            assert each["required"] == list(each["properties"])
            waiting += each["properties"].values()
        if "items" in each:
            waiting.append(each["items"])
    assert values <= 500, "hosted servers refuse more"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_examples_are_right_answers(kind: Kind) -> None:
    for text, answer in EXAMPLES[kind]:
        if kind == "report":
            assert load(answer).findings
        else:
            record = caption_record(json.loads(answer), StructureRequest("1", text), "by")
            rules = RuleStructurer().caption(StructureRequest("1", text))
            assert [(f.term, f.negated, f.certainty) for f in record.findings] == [
                (f.term, f.negated, f.certainty) for f in rules.findings
            ]


def test_the_cap_holds_over_restarts_and_replicas(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)

    def process() -> Budget:
        return Budget(StoredGrants(store, "figures", "default", 1.0))

    first, second = process(), process()
    spent = 0.0
    for turn in range(400):
        spent += 0.005 if (first, second)[turn % 2].reserve(0.005) else 0.0
    assert 0.9 < spent <= 1.0 + 1e-9
    again = process()
    assert not again.reserve(0.005), "a restart does not begin at nothing"
    assert Budget(StoredGrants(store, "figures", "default", 2.0)).reserve(0.005), "a raised cap goes on"
    assert Budget(StoredGrants(store, "figures", "other", 1.0)).reserve(0.005)
    assert Budget(StoredGrants(store, "figures", "default", 1.0)).reserve(0.0), "what costs nothing needs no grant"


@pytest.mark.parametrize("mode", [None, *MODES])
def test_the_spend_cap_holds(tmp_path: Path, mode: Mode | None) -> None:
    cap = 0.05  # a hundred reports cost about 0.13
    bench = EndpointRun(tmp_path, mode, cap)
    results = bench.run(REPORTS)
    assert bench.true_cost() <= bench.budget.committed + 1e-9  # sums of cents in another order
    assert bench.budget.committed <= cap
    capped = [result.failure for result in results if result.failure and result.failure.code == "spend-cap-reached"]
    if mode not in SETTINGS and mode not in {"too long", "content refused", "schema refused"}:
        assert capped
    assert all(failure.retryable and failure.setting == "JOURNALCLIP_SPEND_CAP_USD" for failure in capped)


def test_a_text_is_asked_once_and_then_answered_from_the_cache(tmp_path: Path) -> None:
    first = EndpointRun(tmp_path, None)
    records = [result.record for result in first.run(REPORTS[:20])]
    again = EndpointRun(tmp_path, None)
    assert [result.record for result in again.run(REPORTS[:20])] == records
    assert again.double.requests == 0
    assert [attempt.code for attempt in again.journal.attempts] == ["cached"] * 20


def test_a_spoilt_cache_entry_is_asked_again(tmp_path: Path) -> None:
    EndpointRun(tmp_path, None).run(REPORTS[:1])
    (entry,) = tmp_path.rglob("*.json")
    entry.write_text('{"q":', encoding="utf-8")
    again = EndpointRun(tmp_path, None)
    assert again.run(REPORTS[:1])[0].record is not None
    assert again.double.requests == 1


def test_a_refused_request_is_not_repeated(tmp_path: Path) -> None:
    bench = EndpointRun(tmp_path, None)
    bench.structurer._transport = httpx.MockTransport(lambda _: httpx.Response(400, content=b"bad request"))
    (result,) = bench.run(REPORTS[:1])
    assert result.failure is not None
    assert result.failure.code == "endpoint-refused-request"
    assert result.failure.retryable, "what nobody explains may hit every text"
    assert [attempt.attempt for attempt in bench.journal.attempts] == [1]


def test_an_endpoint_that_is_gone_is_retryable(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    bench = EndpointRun(tmp_path, None)
    bench.structurer._transport = httpx.MockTransport(refuse)
    (result,) = bench.run(REPORTS[:1])
    assert result.failure is not None
    assert (result.failure.code, result.failure.setting) == ("endpoint-unavailable", "JOURNALCLIP_ENDPOINT_URL")
    assert result.failure.retryable
    assert len(bench.journal.attempts) == 3


@pytest.mark.parametrize("fallback", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_stored_under_a_model_that_did_not_write_it(tmp_path: Path, mode: Mode, fallback: bool) -> None:
    bench, store = EndpointRun(tmp_path, mode, timeout_s=0.05), MemoryArtifacts()
    structurer: Structurer = WithRules(bench.structurer) if fallback else bench.structurer
    handler = StudyStructuringHandler(store, structurer)
    wrote = f"endpoint/{bench.structurer.version}"
    said = Counter[str]()
    for report in REPORTS[:4]:
        study = ExtractedStudy(
            study_id=report.report_id, patient="pat", extractor="volumes-1", source=sample_ref(), grid=(1, 1, 1),
            volumes=(), report=report.text,
        )  # fmt: skip
        document = store.put_manifest("studies", f"extracted/{study.study_id}", study.canonical())
        event = Event(VolumesExtracted(study_id=study.study_id, document=document, volumes=1), "test")
        try:
            (fact,) = handler.handle(event)
        except (StructurerStopped, StructurerUnavailable):
            said["nothing"] += 1
            continue
        assert isinstance(fact, StudyStructured)
        stored = StructuredStudy.model_validate_json(store.get(fact.document))
        if stored.report_failed is not None:
            said["failed"] += 1
            assert (stored.record.by, stored.record.findings) == ("", None)
        elif stored.record.by == wrote:
            said["model"] += 1
            truth = to_record(report.study, report.text)
            assert [each.findings for each in stored.record.descriptions] == [
                each.findings for each in truth.descriptions
            ]
        else:
            said["rules"] += 1
            assert stored.record.by == f"rules/{RuleStructurer().version}"
            assert "fallback" in stored.record.flags
    kept = list(store.list_manifests("studies", "structured/"))
    assert len(kept) == said.total() - said["nothing"]
    assert not said["rules"] or fallback
    assert not said["nothing"] or mode in SETTINGS or mode in WAITING
    assert not said["failed"] or not fallback


def test_a_text_without_end_is_not_sent(tmp_path: Path) -> None:
    bench = EndpointRun(tmp_path, None)
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
    bench = EndpointRun(tmp_path, None)
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
        (b'{"model": "m", "choices": [{"message": {}, "finish_reason": "content_filter"}]}', "text-refused"),
        (b"<html>", "endpoint-not-json"),
    ],
)
def test_replies_that_are_no_answer(body: bytes, code: str) -> None:
    found = read_reply(200, body, {"m"})
    assert isinstance(found, Failure)
    assert found.code == code


def test_an_answer_is_one_object() -> None:
    for text in ("[1]", "none", '{"a": 1} {"a": 2}', '{"a": 1', '<think>{"a": 1}'):
        found = read_object(text)
        assert isinstance(found, Failure)
        assert found.code == "answer-not-json"
    assert read_object('<think>{</think>```json\n{"a": 1}\n```') == {"a": 1}
    assert read_object('It says {x}, so {"a": 2}.\n</think>\n\n{"a": 1}') == {"a": 1}
    assert read_object('{"a": "</think>"}') == {"a": "</think>"}


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
    bench = EndpointRun(tmp_path / "cache", None)
    journal = FileJournal(tmp_path / "attempts.jsonl")
    bench.structurer._journal = journal
    bench.run(REPORTS[:3])
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "attempts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(line["request_id"] for line in lines) == sorted(report.report_id for report in REPORTS[:3])
    assert all(line["code"] == "ok" and REPORTS[0].text not in str(line) for line in lines)
