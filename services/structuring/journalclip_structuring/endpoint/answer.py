"""From an endpoint's reply to an answer, or to the precise reason why it is none.

Nothing is repaired: what is not exactly one JSON object of the schema, from the model that was asked, is refused with a
code. Codes marked retryable are the world's fault, the others the answer's; both are tried again while attempts last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from journalclip_structuring.structurer import Failure
from journalclip_structuring.study import unique

MAX_BODY = 1 << 20  # bytes; a capped answer is a few kilobytes, so a megabyte is somebody else's


@dataclass(frozen=True)
class Answer:
    """The model's text, and what it used."""

    text: str
    prompt_tokens: int
    answer_tokens: int


def read_reply(status: int, body: bytes, model: str) -> Answer | Failure:
    """``model`` is the one that was asked for; an answer from another is refused."""
    if status == 429:
        return Failure("endpoint-rate-limited", "429 Too Many Requests", retryable=True)
    if status >= 500:
        return Failure("endpoint-unavailable", f"status {status}", retryable=True)
    if status >= 400:
        return Failure("endpoint-refused-request", f"status {status}: {body[:200]!r}")
    if len(body) > MAX_BODY:
        return Failure("answer-huge", f"more than {MAX_BODY} bytes")
    try:
        reply = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        return Failure("answer-not-utf8", "the reply is not UTF-8")
    except ValueError:
        return Failure("answer-not-json", "the reply is not JSON")
    return _read_choice(reply, model)


def _read_choice(reply: Any, model: str) -> Answer | Failure:
    if not isinstance(reply, dict) or not isinstance(reply.get("choices"), list) or not reply["choices"]:
        return Failure("answer-empty", "the reply has no choices")
    if reply.get("model") != model:
        return Failure("model-swapped", f"asked {model!r}, answered by {str(reply.get('model'))[:100]!r}")
    choice = reply["choices"][0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return Failure("answer-empty", "the first choice has no message")
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return Failure("answer-refused", str(message.get("refusal"))[:200])
    if choice.get("finish_reason") == "length":
        return Failure("answer-truncated", "the answer met its token limit")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        return Failure("answer-empty", "the message has no content")
    usage = reply.get("usage")
    return Answer(content, _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens"))


def read_object(text: str) -> dict[str, Any] | Failure:
    """The answer's one JSON object; duplicate keys and anything around it are refused."""
    try:
        parsed = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        return Failure("answer-not-json", str(error))
    except ValueError as error:
        return Failure("answer-duplicate-key", str(error))
    if not isinstance(parsed, dict):
        return Failure("answer-wrong-schema", f"a {type(parsed).__name__}, not an object")
    return parsed


def _tokens(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value >= 0 else 0
