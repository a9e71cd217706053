"""An OpenAI-compatible endpoint that misbehaves in one of many ways, in process and without a socket.

It knows the right answer to every text it will be asked about; with probability ``share`` an attempt goes wrong in the
way of its mode, else it is answered properly. It keeps its own books (requests seen, tokens billed), so that a client's
journal and budget can be checked against what really happened.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from random import Random
from typing import Any, Literal, get_args

import httpx

Mode = Literal[
    "429 storm", "5xx", "stall", "truncated JSON", "wrong schema", "refusal", "duplicate keys", "model swapped",
    "empty", "huge", "non-UTF-8", "slow drip", "fenced", "thinking", "prose", "cut short", "401", "403", "404",
    "redirect", "model unknown", "schema refused", "too long", "content refused", "HTML",
]  # fmt: skip
MODES: tuple[Mode, ...] = get_args(Mode)
_STATUS: dict[str, tuple[int, str]] = {
    "429 storm": (429, "slow down"),
    "401": (401, '{"error": {"message": "Incorrect API key provided"}}'),
    "403": (403, '{"error": {"message": "Your key may not use this"}}'),
    "404": (404, "404 page not found"),
    "redirect": (307, ""),
    "model unknown": (404, '{"error": {"message": "The model `m` does not exist.", "code": "model_not_found"}}'),
    "too long": (400, '{"error": {"message": "This model\'s maximum context length is 512 tokens."}}'),
    "content refused": (400, '{"error": {"code": "content_filter", "message": "content management policy"}}'),
    "HTML": (200, "<html>Welcome to the proxy</html>"),
}
_HUGE = 5 << 18  # bytes: a quarter above what a client should read


class Misbehaving(httpx.AsyncBaseTransport):
    """Answers for ``answers`` (user message -> answer), misbehaving by ``mode``."""

    def __init__(self, mode: Mode | None, answer: Callable[[str], str], share: float = 0.6, seed: int = 0) -> None:
        self._mode = mode
        self._answer = answer
        self._share = share
        self._rng = Random(seed)  # noqa: S311 - seeded on purpose
        self.requests = 0
        self.bodies: list[dict[str, Any]] = []
        self.billed_prompt = 0
        self.billed_answer = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread())
        self.requests += 1
        bad = self._mode is not None and self._rng.random() < self._share
        self.bodies.append(body)
        if bad and self._mode in _STATUS:
            status, text = _STATUS[str(self._mode)]
            return httpx.Response(status, headers={"retry-after": "0"}, content=text.encode())
        if bad and self._mode == "schema refused" and "response_format" in body:
            return httpx.Response(400, content=b'{"error": {"message": "response_format is not supported"}}')
        if bad and self._mode == "5xx":
            return httpx.Response(self._rng.choice((500, 502, 503, 504)), content=b"<html>oops")
        if bad and self._mode == "stall":
            await asyncio.sleep(3600)
        content = self._content(body, bad)
        if bad and self._mode == "slow drip":
            return httpx.Response(200, stream=_Drip(content))
        return httpx.Response(200, content=content)

    def _content(self, body: Mapping[str, Any], bad: bool) -> bytes:
        answer = self._answer(body["messages"][-1]["content"])
        self.billed_prompt += len(json.dumps(body["messages"])) // 4
        self.billed_answer += len(answer) // 4
        reply: dict[str, Any] = {
            "model": body["model"],
            "choices": [{"message": {"content": answer, "refusal": None}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": len(answer) // 4},
        }
        if bad:
            _spoil(reply, self._mode)
        content = json.dumps(reply).encode()
        if bad and self._mode == "non-UTF-8":
            return content.replace(b"content", b"\xff\xfe")
        if bad and self._mode == "huge":
            return content + b" " * _HUGE
        return content


def _spoil(reply: dict[str, Any], mode: Mode | None) -> None:
    message = reply["choices"][0]["message"]
    answer = message["content"]
    if mode == "truncated JSON":
        message["content"] = answer[: len(answer) // 2]
    elif mode == "cut short":
        message["content"] = answer[: len(answer) // 2]
        reply["choices"][0]["finish_reason"] = "length"
    elif mode == "fenced":
        message["content"] = f"```json\n{answer}\n```"
    elif mode == "thinking":
        message["content"] = f"<think>The text {{speaks}} of one thing.</think>\n{answer}"
    elif mode == "prose":
        message["content"] = f"Here is the object: {answer} I hope that it helps."
    elif mode == "wrong schema":
        message["content"] = json.dumps({"q": ["T9WI"], "f": [{"t": "unicorn", "x": 1}]})
    elif mode == "refusal":
        message |= {"content": None, "refusal": "I cannot help with that."}
    elif mode == "duplicate keys":
        message["content"] = answer[:-1] + ',"q":[]}'
    elif mode == "model swapped":
        reply["model"] = "a-cheaper-model"
    elif mode == "empty":
        message["content"] = ""


class _Drip(httpx.AsyncByteStream):
    """One byte now and then: every read succeeds, the whole never comes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for byte in self._content:
            await asyncio.sleep(0.01)
            yield bytes([byte])
