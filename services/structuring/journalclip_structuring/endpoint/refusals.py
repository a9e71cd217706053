"""Whose fault a status is: the text's (permanent for it), or the world's (nothing is written, a setting is named).

Servers word the same refusal differently; what a 400 means is read from its body. A refusal that nobody explains counts
as the world's: a setting that no text can satisfy must not look like a thousand bad texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from journalclip_structuring.structurer import Failure

_TOO_LONG: Final = re.compile(
    r"context[ _](?:length|size|window)|too (?:long|large|many tokens)|reduce the length"
    r"|maximum (?:context|input|prompt)|exceeds? (?:the )?(?:maximum|limit|available context)|max_model_len",
    re.IGNORECASE,
)
_CONTENT: Final = re.compile(
    r"content[ _-]?(?:filter|policy|management)|responsibleai|safety|moderation|policy violation", re.IGNORECASE
)
_SCHEMA: Final = re.compile(
    r"response_format|json_schema|json_object|guided|grammar|structured output|schema", re.IGNORECASE
)
_MODEL: Final = re.compile(
    r"model.{0,80}(?:not (?:found|exist|supported|available|loaded)|does not exist|unknown|invalid)"
    r"|(?:no such|unknown|invalid) model|model_not_found",
    re.IGNORECASE | re.DOTALL,
)


# Failures of the world that no waiting mends: a person has to look at the setting that they name.
SETTLED: Final = frozenset(
    {"endpoint-unauthorized", "endpoint-unpaid", "endpoint-forbidden", "endpoint-not-found", "endpoint-redirects",
     "endpoint-model-unknown", "endpoint-refused-request", "endpoint-schema-refused", "model-swapped",
     "spend-cap-reached"}
)  # fmt: skip


def world(code: str, reason: str, setting: str) -> Failure:
    """A failure that another text would meet as well."""
    return Failure(code, f"{reason}; see {setting}", retryable=True, setting=setting, stops=code in SETTLED)


def of_status(status: int, body: bytes) -> Failure | None:
    """None where the status says that there is an answer."""
    if 200 <= status < 300:
        return None
    said = f"status {status}: {body[:200].decode('utf-8', 'replace')}"
    if status in _WORLD:
        return _WORLD[status](said)
    if status >= 500 or status == 408:
        return world("endpoint-unavailable", said, "JOURNALCLIP_ENDPOINT_URL")
    if status < 400:
        return world("endpoint-redirects", said, "JOURNALCLIP_ENDPOINT_URL")
    return _of_request(status, body.decode("utf-8", "replace"), said)


def _of_request(status: int, body: str, said: str) -> Failure:
    if status == 413 or _TOO_LONG.search(body):
        return Failure("text-too-long", said)
    if _CONTENT.search(body):
        return Failure("text-refused", said)
    if _MODEL.search(body):
        return world("endpoint-model-unknown", said, "JOURNALCLIP_ENDPOINT_MODEL")
    if _SCHEMA.search(body):
        return world("endpoint-schema-refused", said, "JOURNALCLIP_ENDPOINT_FORMAT")
    return world("endpoint-refused-request", said, "JOURNALCLIP_ENDPOINT_URL")


def _not_found(said: str) -> Failure:
    unknown = _MODEL.search(said)
    code = "endpoint-model-unknown" if unknown else "endpoint-not-found"
    return world(code, said, "JOURNALCLIP_ENDPOINT_MODEL" if unknown else "JOURNALCLIP_ENDPOINT_URL")


_WORLD: Final[dict[int, Callable[[str], Failure]]] = {
    401: lambda said: world("endpoint-unauthorized", said, "JOURNALCLIP_ENDPOINT_KEY"),
    402: lambda said: world("endpoint-unpaid", said, "JOURNALCLIP_ENDPOINT_KEY"),
    403: lambda said: world("endpoint-forbidden", said, "JOURNALCLIP_ENDPOINT_KEY"),
    404: _not_found,
    405: lambda said: world("endpoint-not-found", said, "JOURNALCLIP_ENDPOINT_URL"),
    429: lambda said: world("endpoint-rate-limited", said, "JOURNALCLIP_ENDPOINT_PER_MINUTE"),
}
