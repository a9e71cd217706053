"""Who asks, and whether they may ask again so soon: settled from a request's headers, before its body is read.

Requests of a known caller are counted by name, refusals by address: a token cannot be guessed at any pace. Readers
without a name are on this machine itself, and are not counted.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from anyio import to_thread
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from journalclip_inference.api.failures import body, refused
from journalclip_inference.auth import Door, Principal
from journalclip_inference.errors import Forbidden
from journalclip_shared.errors import TransientError

COOKIE = "journalclip_token"
_OPEN = ("/v1/login", "/v1/logout")  # the way in
_KNOWN = 10_000  # callers remembered; the ones that asked longest ago are forgotten first


class Pace:
    """A bucket a caller that holds ``a_minute`` requests and fills evenly; any number of threads."""

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        """``a_minute`` 0: no limit."""
        self._size, self._now = a_minute, now
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str, take: bool = True) -> float:
        """Seconds until this caller may ask; 0: now, and the request is taken off where ``take``."""
        if not self._size:
            return 0.0
        with self._lock:
            now = self._now()
            left, since = self._left.pop(who, (float(self._size), now))
            left = min(float(self._size), left + (now - since) * self._size / 60)
            allowed = left >= 1
            self._left[who] = (left - (allowed and take), now)
            while len(self._left) > _KNOWN:
                self._left.popitem(last=False)
            return 0.0 if allowed else (1 - left) * 60 / self._size


@dataclass(frozen=True)
class Callers:
    """Lets callers in. ``pace`` counts requests by name, ``guesses`` refused ones by address."""

    door: Door
    pace: Pace
    guesses: Pace

    async def admit(self, scope: Scope) -> Response | None:
        """The refusal, or None; then ``scope["state"]["principal"]`` is who asks, where the path needs one."""
        if not scope["path"].startswith("/v1") or scope["path"].startswith(_OPEN) or scope["method"] == "OPTIONS":
            return None
        asked = HTTPConnection(scope)
        address = asked.client.host if asked.client else ""
        if token_of(asked) and (seconds := self.guesses.wait(address, take=False)):
            return _slow("too many unknown tokens came from this address", seconds)
        try:
            who = await to_thread.run_sync(identify, self.door, asked)  # an issuer may have to be asked for its keys
        except Forbidden as error:
            if token_of(asked):
                self.guesses.wait(address)
            return await refused(error)
        except TransientError as error:
            return await refused(error)
        scope.setdefault("state", {})["principal"] = who
        if who.name != "anonymous" and (seconds := self.pace.wait(who.name)):
            return _slow(f"{who.name} asks too often", seconds)
        return None


def token_of(asked: HTTPConnection) -> str | None:
    scheme, _, bearer = asked.headers.get("authorization", "").partition(" ")
    return bearer if scheme.lower() == "bearer" else asked.cookies.get(COOKIE)


def identify(door: Door, asked: HTTPConnection) -> Principal:
    """Raises `Forbidden`, and `TransientError` where the issuer is away."""
    client = asked.client.host if asked.client else None
    return door.principal(token_of(asked), client, asked.headers.get("host", ""))


def _slow(reason: str, seconds: float) -> Response:
    return body(429, "too-many-requests", reason, "Wait as Retry-After says.", {"Retry-After": str(int(seconds) + 1)})
