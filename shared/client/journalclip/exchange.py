"""One request until its answer, without doing any of it: a plan yields what is to be done and is sent what came of it.

A plan is a generator. It yields a `Call` and is sent the response or the connection's error; it yields a `Pause` and is
sent None; what it returns is the method's result. So waiting, trying again and reading are written once, and a client
only sends and sleeps, blocking or awaiting.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from journalclip.answers import Health, Problem
from journalclip.errors import AnswerUnreadable, ServerRefused

ATTEMPTS = 5  # with the server's own waits, about half a minute
LONGEST_WAIT_S = 30.0
BUSY = frozenset({429, 503})
_WAIT_S = 1.0  # where the server names no seconds


@dataclass(frozen=True)
class Call:
    """A request to send."""

    method: str
    path: str
    json: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Pause:
    """Seconds to wait."""

    seconds: float


Outcome = httpx.Response | httpx.TransportError | None
Result = TypeVar("Result")
Plan = Generator[Call | Pause, Outcome, Result]
Body = TypeVar("Body", bound=BaseModel)


def sent(call: Call) -> Plan[httpx.Response]:
    """A successful response. Raises `ServerRefused` and httpx's errors.

    Busy servers and broken connections are tried again: every request only reads, so it may be sent twice.
    """
    for left in reversed(range(ATTEMPTS)):
        outcome = yield call
        assert outcome is not None, "a call ends with a response or an error"
        if isinstance(outcome, httpx.TransportError):
            if not left:
                raise outcome
            yield Pause(_WAIT_S)
            continue
        if outcome.is_success:
            return outcome
        if outcome.status_code not in BUSY or not left:
            raise refusal(outcome)
        yield Pause(wait_s(outcome.headers.get("retry-after", "")))
    raise AssertionError("the last attempt returns or raises")


def asked(call: Call, body: type[Body]) -> Plan[Body]:
    """A response's body. Raises `ServerRefused`, `AnswerUnreadable` and httpx's errors."""
    response = yield from sent(call)
    try:
        return body.model_validate_json(response.content)
    except ValidationError as error:
        reason = f"{call.method} {call.path}: the answer is no {body.__name__} of this client: {error}"
        raise AnswerUnreadable(reason) from error


def wait_s(retry_after: str) -> float:
    """Seconds to wait, at most ``LONGEST_WAIT_S``; a date (which only proxies send) or nonsense counts as no word."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return _WAIT_S
    return min(LONGEST_WAIT_S, max(0.0, seconds)) if math.isfinite(seconds) else _WAIT_S


def refusal(response: httpx.Response) -> ServerRefused:
    """With the server's own words where the body holds them; a proxy's page has only its status."""
    problem = _read(response, Problem) or Problem()
    health = _read(response, Health)  # a server that is not ready says why in words of its own
    reason = problem.reason or (health.problem if health else "") or f"HTTP {response.status_code}"
    return ServerRefused(response.status_code, problem.code, reason, problem.remedy)


def _read(response: httpx.Response, body: type[Body]) -> Body | None:
    try:
        return body.model_validate_json(response.content)
    except ValidationError:
        return None
