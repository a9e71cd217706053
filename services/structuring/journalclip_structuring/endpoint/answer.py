"""From an endpoint's reply to an answer, or to the precise reason why it is none.

An answer may stand in a code fence or after its own thinking: the one JSON object in it is taken. What is no whole
object of the schema, or not from a model that was asked for, is refused with a code. Nothing within it is mended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from journalclip_structuring.endpoint.refusals import of_status, world
from journalclip_structuring.structurer import Failure
from journalclip_structuring.study import unique

MAX_BODY: Final = 1 << 20  # bytes; a capped answer is a few kilobytes, so a megabyte is somebody else's
_THINKING: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
_THOUGHT: Final = re.compile(r".*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE: Final = re.compile(r"```[a-zA-Z]*\s*\n(.*?)\n?\s*```", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """The model's text, and what it used."""

    text: str
    prompt_tokens: int
    answer_tokens: int


def read_reply(status: int, body: bytes, models: Collection[str]) -> Answer | Failure:
    """``models`` are the names that the answering model may bear; an answer from another is refused."""
    refused = of_status(status, body)
    if refused is not None:
        return refused
    if len(body) > MAX_BODY:
        return Failure("answer-huge", f"more than {MAX_BODY} bytes")
    try:
        reply = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        return Failure("answer-not-utf8", "the reply is not UTF-8")
    except ValueError:
        return world("endpoint-not-json", "the reply is not JSON", "JOURNALCLIP_ENDPOINT_URL")
    return _read_choice(reply, models)


def _read_choice(reply: Any, models: Collection[str]) -> Answer | Failure:
    if not isinstance(reply, dict) or not isinstance(reply.get("choices"), list) or not reply["choices"]:
        return Failure("answer-empty", "the reply has no choices")
    if reply.get("model") not in models:
        reason = f"asked {sorted(models)}, answered by {str(reply.get('model'))[:100]!r}"
        return world("model-swapped", reason, "JOURNALCLIP_ENDPOINT_ANSWERS_AS")
    choice = reply["choices"][0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return Failure("answer-empty", "the first choice has no message")
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return Failure("text-refused", str(message.get("refusal") or "content filter")[:200])
    if choice.get("finish_reason") == "length":
        return Failure("answer-truncated", "the answer met its token limit")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        return Failure("answer-empty", "the message has no content")
    usage = reply.get("usage")
    return Answer(content, _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens"))


def read_object(text: str) -> dict[str, Any] | Failure:
    """The answer's one JSON object; a second one and duplicate keys are refused.

    Some servers send thinking without the tag that opens it, which stands in their prompt.
    """
    plain = _THINKING.sub("", text).strip()
    found = _read_plain(plain)
    if isinstance(found, Failure) and found.code == "answer-not-json" and (thought := _THOUGHT.match(plain)):
        return _read_plain(plain[thought.end() :].strip())
    return found


def _read_plain(plain: str) -> dict[str, Any] | Failure:
    fenced = _FENCE.findall(plain)
    plain = fenced[-1].strip() if fenced else plain
    start = plain.find("{")
    if start < 0:
        return Failure("answer-not-json", "no object in the answer")
    try:
        parsed, end = _DECODER.raw_decode(plain, start)
    except json.JSONDecodeError as error:
        return Failure("answer-not-json", str(error))
    except ValueError as error:
        return Failure("answer-duplicate-key", str(error))
    if "{" in plain[end:]:
        return Failure("answer-not-json", "more than one object in the answer")
    return dict(parsed)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=unique)


def _tokens(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value >= 0 else 0
