"""The endpoint structurer: many texts at once, each tried a bounded number of times, none lost and none twice.

An attempt reserves its worst cost, waits its turn, asks under one wall-clock limit (so that a slow drip ends as a
timeout), reads at most `MAX_BODY`, and is written to the journal whatever came of it. The endpoint's own retry-after is
obeyed within bounds. Failures after the last attempt are results with a code; they are never records.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import httpx

from journalclip_shared.ids import sha256_hex
from journalclip_structuring.caption_answer import caption_record
from journalclip_structuring.endpoint.answer import MAX_BODY, Answer, read_object, read_reply
from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.journal import Attempt, Journal
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit
from journalclip_structuring.injection import flags_of
from journalclip_structuring.prompts import answer_schema, messages, prompt_version
from journalclip_structuring.structurer import Failure, Record, StructureRequest, StructureResult
from journalclip_structuring.study import load, to_record

MAX_TEXT = 20_000  # characters; longer texts are no caption, and would cost without end
_CHARS_PER_TOKEN = 2.5  # pessimistic for English, so that the reserved cost is an upper bound
_RETRY_AFTER_MAX_S = 30.0  # an endpoint cannot park us for longer than this


@dataclass(frozen=True)
class EndpointOptions:
    """How to ask."""

    url: str
    model: str
    key: str = ""
    concurrency: int = 8
    attempts: int = 5
    timeout_s: float = 60.0
    answer_tokens: int = 1500
    backoff_s: float = 0.5
    backoff_max_s: float = 20.0
    seed: int = 0


class EndpointStructurer:
    """`Structurer` over HTTP. One instance may be used by one thread at a time."""

    name = "endpoint"

    def __init__(
        self,
        options: EndpointOptions,
        budget: Budget,
        prices: Prices,
        rate: RateLimit,
        cache: AnswerCache,
        journal: Journal,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._options = options
        self._budget = budget
        self._prices = prices
        self._rate = rate
        self._cache = cache
        self._journal = journal
        self._transport = transport
        self._rng = random.Random(options.seed)  # noqa: S311 - jitter, not secrecy
        self.version = f"1-{sha256_hex(options.model.encode())[:8]}-{prompt_version()}"

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        return asyncio.run(self._all(texts))

    async def _all(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        headers = {"Authorization": f"Bearer {self._options.key}"} if self._options.key else {}
        gate = asyncio.Semaphore(self._options.concurrency)
        async with httpx.AsyncClient(headers=headers, transport=self._transport, timeout=None) as client:  # noqa: S113 - one wall-clock limit an attempt, in _ask
            return list(await asyncio.gather(*(self._one(client, gate, each) for each in texts)))

    async def _one(
        self, client: httpx.AsyncClient, gate: asyncio.Semaphore, request: StructureRequest
    ) -> StructureResult:
        if len(request.text) > MAX_TEXT:
            return StructureResult(request.request_id, Failure("text-too-long", f"{len(request.text)} characters"))
        body = self._body(request)
        key = AnswerCache.key(body)
        kept = self._cache.get(key)
        if kept is not None:
            outcome = self._record(kept, request)
            if not isinstance(outcome, Failure):
                self._note(request, 0, "cached", "", 0.0, 0.0)
                return StructureResult(request.request_id, outcome)
        async with gate:
            return StructureResult(request.request_id, await self._attempts(client, request, body, key))

    async def _attempts(
        self, client: httpx.AsyncClient, request: StructureRequest, body: dict[str, Any], key: str
    ) -> Record | Failure:
        failure = Failure("not-tried", "")
        for attempt in range(1, self._options.attempts + 1):
            reserved = self._worst_cost(body)
            if not self._budget.reserve(reserved):
                failure = Failure("spend-cap-reached", f"cap {self._budget.cap} USD", retryable=True)
                self._note(request, attempt, failure.code, failure.reason, 0.0, 0.0)
                return failure
            await self._rate.wait()
            started = monotonic()
            reply, retry_after = await self._ask(client, body)
            cost = self._settle(reply, reserved)
            outcome = reply if isinstance(reply, Failure) else self._record(reply.text, request)
            failed = isinstance(outcome, Failure)
            code, detail = (outcome.code, outcome.reason) if isinstance(outcome, Failure) else ("ok", "")
            self._note(request, attempt, code, detail, monotonic() - started, cost)
            if not isinstance(outcome, Failure) and isinstance(reply, Answer):
                self._cache.put(key, reply.text)
                return outcome
            assert failed
            failure = outcome if isinstance(outcome, Failure) else failure
            if failure.code == "endpoint-refused-request":
                return failure  # asking the same again cannot help
            if attempt < self._options.attempts:
                await asyncio.sleep(self._pause(attempt, retry_after))
        return failure

    async def _ask(self, client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[Answer | Failure, float]:
        url = f"{self._options.url.rstrip('/')}/chat/completions"
        try:
            async with asyncio.timeout(self._options.timeout_s):
                async with client.stream("POST", url, json=body) as response:
                    content = await _read_capped(response)
                    after = _retry_after(response)
                    return read_reply(response.status_code, content, self._options.model), after
        except TimeoutError:
            return Failure("endpoint-timeout", f"no whole answer in {self._options.timeout_s} s", retryable=True), 0.0
        except httpx.HTTPError as error:
            return Failure("endpoint-unavailable", type(error).__name__, retryable=True), 0.0

    def _record(self, text: str, request: StructureRequest) -> Record | Failure:
        by = f"{self.name}/{self.version}"
        parsed = read_object(text)
        if isinstance(parsed, Failure):
            return parsed
        try:
            record: Record
            if request.kind == "report":
                record = to_record(load(text), request.text, by)
            else:
                record = caption_record(parsed, request, by)
        except ValueError as error:
            return Failure("answer-wrong-schema", str(error)[:200])
        return record.model_copy(update={"flags": flags_of(request.text)})

    def _body(self, request: StructureRequest) -> dict[str, Any]:
        schema = {"name": request.kind, "strict": True, "schema": answer_schema(request.kind)}
        return {
            "model": self._options.model,
            "messages": messages(request.text, request.kind),
            "temperature": 0,
            "max_tokens": self._options.answer_tokens,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }

    def _worst_cost(self, body: dict[str, Any]) -> float:
        characters = sum(len(message["content"].encode()) for message in body["messages"])
        return self._prices.cost(int(characters / _CHARS_PER_TOKEN) + 100, self._options.answer_tokens)

    def _settle(self, reply: Answer | Failure, reserved: float) -> float:
        """A failed attempt may have been billed all the same: it counts at its worst."""
        cost = reserved
        if isinstance(reply, Answer) and reply.prompt_tokens:
            cost = min(reserved, self._prices.cost(reply.prompt_tokens, reply.answer_tokens))
        elif isinstance(reply, Failure) and reply.code in {"endpoint-rate-limited", "endpoint-refused-request"}:
            cost = 0.0  # these are refused before any token is made
        self._budget.settle(reserved, cost)
        return cost

    def _pause(self, attempt: int, retry_after: float) -> float:
        ceiling = min(self._options.backoff_max_s, self._options.backoff_s * 2 ** (attempt - 1))
        return max(min(retry_after, _RETRY_AFTER_MAX_S), self._rng.uniform(0, ceiling))

    def _note(
        self, request: StructureRequest, attempt: int, code: str, detail: str, seconds: float, cost: float
    ) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        digest = sha256_hex(request.text.encode())
        model = self._options.model
        self._journal.record(
            Attempt(request.request_id, digest, attempt, code, detail, round(seconds, 3), cost, model, at)
        )


async def _read_capped(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            break  # the rest stays unread; `read_reply` refuses what is this long
    return bytes(body)


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else 0.0
