"""Questions to an endpoint: many at once, each tried a bounded number of times, none lost and none twice.

An attempt reserves its worst cost, waits its turn, asks under one wall-clock limit (so that a slow drip ends as a
timeout), reads at most `MAX_BODY`, and is written to the journal whatever came of it. What follows depends on whose
fault it was: the world's failures are waited for, within bounds, or stop all texts at once where no waiting helps; a
bad answer is asked for again in other words, at most `WAYS` ways; a text that the model refuses is asked once.
Failures after the last attempt are results with a code; they are never records.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Literal, TypeVar, get_args

import httpx

from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_structuring.endpoint.answer import MAX_BODY, Answer, read_object, read_reply
from journalclip_structuring.endpoint.cache import AnswerCache
from journalclip_structuring.endpoint.journal import Attempt, Journal
from journalclip_structuring.endpoint.refusals import SETTLED, world
from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit
from journalclip_structuring.endpoint.tasks import Task
from journalclip_structuring.structurer import Failure

T = TypeVar("T")
Format = Literal["json_schema", "json_object", "text"]
MAX_TEXT: Final = 20_000  # characters; longer texts are no caption, and would cost without end
WAYS: Final = 3  # ways of asking for one answer: plainly, with what was wrong, and with some chance added
_CHARS_PER_TOKEN: Final = 2.5  # pessimistic for English, so that the reserved cost is an upper bound
_RETRY_AFTER_MAX_S: Final = 30.0  # an endpoint cannot park us for longer than this
_MORE_TOKENS: Final = 2  # after an answer that met its limit
_CHANCE: Final = 0.4  # temperature of the last way; an answer at 0 would come again


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
    answers_as: tuple[str, ...] = ()  # other names that the answering model may bear: an alias, a path
    format: Format = "json_schema"
    extra: Mapping[str, Any] = field(default_factory=dict)  # merged into each request; null takes a key out
    backoff_s: float = 0.5
    backoff_max_s: float = 20.0
    seed: int = 0


@dataclass(frozen=True)
class _Way:
    """How one answer is asked for; never twice in the same way after a bad answer."""

    tokens: int
    number: int = 1
    remark: str = ""
    temperature: float = 0.0

    def after(self, failure: Failure) -> _Way:
        """The next way: what was wrong is said, more room is given to what was cut, chance is added last."""
        cut = failure.code == "answer-truncated"
        return _Way(
            self.tokens * _MORE_TOKENS if cut else self.tokens,
            self.number + 1,
            _REMARKS.get(failure.code, _REMARKS["answer-not-json"]),
            _CHANCE if self.number + 1 == WAYS else 0.0,
        )


# Our own words for what was wrong: nothing of an answer, which may repeat the text, goes into an instruction.
_REMARKS: Final = {
    "answer-not-json": "An earlier answer was not one JSON object. Write the object alone, from brace to brace.",
    "answer-truncated": "An earlier answer was cut off. Answer at once, without thinking aloud, and briefly.",
    "answer-duplicate-key": "An earlier answer had a key twice in one object. Each key stands once.",
    "answer-wrong-schema": "An earlier answer broke the schema. Use its terms only, and quote letter by letter.",
}
_UNBILLED: Final = SETTLED - {"model-swapped"} | {"endpoint-rate-limited"}  # refused before any token is made


class EndpointClient:
    """Asks one model over HTTP. One instance may be used by one thread at a time."""

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
        self._models = frozenset({options.model, *options.answers_as})
        self._formats: tuple[Format, ...] = get_args(Format)[get_args(Format).index(options.format) :]
        self._stopped: Failure | None = None

    @property
    def model_version(self) -> str:
        """Eight hexadecimal digits that change with the model asked for and how it is asked."""
        options = self._options
        asked = canonical_json([options.model, sorted(options.answers_as), dict(options.extra)])
        return sha256_hex(asked)[:8]

    def ask(self, tasks: Sequence[Task[T]]) -> list[T | Failure]:
        """One outcome a task, in order."""
        self._stopped = None
        return asyncio.run(self._all(tasks))

    async def _all(self, tasks: Sequence[Task[T]]) -> list[T | Failure]:
        headers = {"Authorization": f"Bearer {self._options.key}"} if self._options.key else {}
        gate = asyncio.Semaphore(self._options.concurrency)
        async with httpx.AsyncClient(headers=headers, transport=self._transport, timeout=None) as client:  # noqa: S113 - one wall-clock limit an attempt, in _ask
            return list(await asyncio.gather(*(self._one(client, gate, each) for each in tasks)))

    async def _one(self, client: httpx.AsyncClient, gate: asyncio.Semaphore, task: Task[T]) -> T | Failure:
        if len(task.text) > MAX_TEXT:
            return Failure("text-too-long", f"{len(task.text)} characters")
        key = AnswerCache.key(self._body(task, _Way(self._options.answer_tokens), get_args(Format)[0]))
        kept = self._cache.get(key)
        if kept is not None:
            outcome = _read(kept, task)
            if not isinstance(outcome, Failure):
                self._note(task, 0, "cached", "", 0.0, 0.0)
                return outcome
        async with gate:
            return await self._attempts(client, task, key)

    async def _attempts(self, client: httpx.AsyncClient, task: Task[T], key: str) -> T | Failure:
        failure, way = Failure("not-tried", ""), _Way(self._options.answer_tokens)
        for attempt in range(1, self._options.attempts + 1):
            if self._stopped is not None:
                return self._stopped
            asked_in = self._formats[0]
            outcome, retry_after = await self._attempt(client, task, key, attempt, way)
            if not isinstance(outcome, Failure):
                return outcome
            failure = outcome
            if failure.code == "endpoint-schema-refused" and self._step_down(asked_in):
                continue
            if failure.stops:
                self._stopped = failure
            if failure.stops or failure.code.startswith("text-"):
                return failure
            if not failure.retryable:
                way = way.after(failure)
                if way.number > WAYS:
                    return failure
            if attempt < self._options.attempts:
                await asyncio.sleep(self._pause(attempt, retry_after))
        return failure

    async def _attempt(
        self, client: httpx.AsyncClient, task: Task[T], key: str, attempt: int, way: _Way
    ) -> tuple[T | Failure, float]:
        body = self._body(task, way, self._formats[0])
        reserved = self._worst_cost(body, way)
        if not self._budget.reserve(reserved):
            failure = world("spend-cap-reached", "the cap leaves no money", "JOURNALCLIP_SPEND_CAP_USD")
            self._note(task, attempt, failure.code, failure.reason, 0.0, 0.0)
            return failure, 0.0
        await self._rate.wait()
        started = monotonic()
        reply, retry_after = await self._ask(client, body)
        cost = self._settle(reply, reserved)
        outcome = reply if isinstance(reply, Failure) else _read(reply.text, task)
        code, detail = (outcome.code, outcome.reason) if isinstance(outcome, Failure) else ("ok", "")
        self._note(task, attempt, code, detail, monotonic() - started, cost)
        if not isinstance(outcome, Failure) and isinstance(reply, Answer):
            self._cache.put(key, reply.text)
        return outcome, retry_after

    def _step_down(self, refused: Format) -> bool:
        """To a weaker answer format, once for all texts; the prompt says the schema, and answers are checked."""
        if self._formats[0] == refused and len(self._formats) > 1:
            self._formats = self._formats[1:]
        now: Format = self._formats[0]
        return now != refused

    async def _ask(self, client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[Answer | Failure, float]:
        url = f"{self._options.url.rstrip('/')}/chat/completions"
        try:
            async with asyncio.timeout(self._options.timeout_s):
                async with client.stream("POST", url, json=body) as response:
                    content = await _read_capped(response)
                    after = _retry_after(response)
                    return read_reply(response.status_code, content, self._models), after
        except TimeoutError:
            late = f"no whole answer in {self._options.timeout_s} s"
            return world("endpoint-timeout", late, "JOURNALCLIP_ENDPOINT_TIMEOUT_S"), 0.0
        except httpx.HTTPError as error:
            return world("endpoint-unavailable", type(error).__name__, "JOURNALCLIP_ENDPOINT_URL"), 0.0

    def _body(self, task: Task[T], way: _Way, form: Format) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._options.model,
            "messages": task.messages(way.remark),
            "temperature": max(way.temperature, task.temperature),
            "max_tokens": way.tokens,
        }
        if form == "json_schema":
            schema = {"name": task.name, "strict": True, "schema": task.schema()}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif form == "json_object":
            body["response_format"] = {"type": "json_object"}
        body |= self._options.extra
        return {key: value for key, value in body.items() if value is not None}

    def _worst_cost(self, body: dict[str, Any], way: _Way) -> float:
        characters = sum(len(message["content"].encode()) for message in body["messages"])
        return self._prices.cost(int(characters / _CHARS_PER_TOKEN) + 100, way.tokens)

    def _settle(self, reply: Answer | Failure, reserved: float) -> float:
        """A failed attempt may have been billed all the same: it counts at its worst."""
        cost = reserved
        if isinstance(reply, Answer) and reply.prompt_tokens:
            cost = min(reserved, self._prices.cost(reply.prompt_tokens, reply.answer_tokens))
        elif isinstance(reply, Failure) and reply.code in _UNBILLED:
            cost = 0.0  # these are refused before any token is made
        self._budget.settle(reserved, cost)
        return cost

    def _pause(self, attempt: int, retry_after: float) -> float:
        ceiling = min(self._options.backoff_max_s, self._options.backoff_s * 2 ** (attempt - 1))
        return max(min(retry_after, _RETRY_AFTER_MAX_S), self._rng.uniform(0, ceiling))

    def _note(self, task: Task[T], attempt: int, code: str, detail: str, seconds: float, cost: float) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        digest = sha256_hex(task.text.encode())
        model = self._options.model
        self._journal.record(Attempt(task.task_id, digest, attempt, code, detail, round(seconds, 3), cost, model, at))


def _read(text: str, task: Task[T]) -> T | Failure:
    """The answer as the task reads it, or what is wrong with it."""
    parsed = read_object(text)
    if isinstance(parsed, Failure):
        return parsed
    try:
        return task.read(parsed)
    except ValueError as error:
        return Failure("answer-wrong-schema", str(error)[:200])


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
