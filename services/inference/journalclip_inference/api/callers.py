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
from journalclip_inference.auth import Authenticator, Principal
from journalclip_inference.errors import Forbidden
from journalclip_inference.sessions.sessions import HOST_COOKIE, MOST_S, Sessions
from journalclip_shared.errors import TransientError

_OPEN = ("/v1/login", "/v1/logout", "/v1/feeds/")  # the way in and out; a feed's key is in its address
_FORMER = "journalclip_token"  # until 0.1 the cookie held the token itself
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

    door: Authenticator
    sessions: Sessions
    pace: Pace
    guesses: Pace

    async def admit(self, scope: Scope) -> Response | None:
        """The refusal, or None; then ``scope["state"]["principal"]`` is who asks, where the path needs one."""
        if not scope["path"].startswith("/v1") or scope["path"].startswith(_OPEN) or scope["method"] == "OPTIONS":
            return None
        asked = HTTPConnection(scope)
        address = asked.client.host if asked.client else ""
        bearer, secret = bearer_of(asked), secret_of(self.sessions, asked)
        if (bearer or secret) and (seconds := self.guesses.wait(address, take=False)):
            return _slow("too many unknown tokens came from this address", seconds)
        try:
            who = await to_thread.run_sync(self._identify, asked, bearer, secret)  # an issuer may have to be asked
        except Forbidden as error:
            if bearer or secret:
                self.guesses.wait(address)
            answer = await refused(error)
            if secret and not bearer:
                forget(answer, self.sessions, asked.url.scheme)
            return answer
        except TransientError as error:
            return await refused(error)
        scope.setdefault("state", {})["principal"] = who
        if who.name != "anonymous" and (seconds := self.pace.wait(who.name)):
            return _slow(f"{who.name} asks too often", seconds)
        return None

    def _identify(self, asked: HTTPConnection, bearer: str | None, secret: str | None) -> Principal:
        """Raises `Forbidden`, and `TransientError` where the issuer is away."""
        if secret and not bearer:
            return self.sessions.principal(secret)
        client = asked.client.host if asked.client else None
        return self.door.principal(bearer, client, asked.headers.get("host", ""))


def bearer_of(asked: HTTPConnection) -> str | None:
    scheme, _, bearer = asked.headers.get("authorization", "").partition(" ")
    return bearer if scheme.lower() == "bearer" else None


def secret_of(sessions: Sessions, asked: HTTPConnection) -> str | None:
    """The session's, from the cookie."""
    return asked.cookies.get(sessions.cookie(asked.url.scheme))


def keep(answer: Response, sessions: Sessions, scheme: str, secret: str) -> None:
    """A session in a cookie that scripts cannot read and other sites cannot send."""
    name = sessions.cookie(scheme)
    secure = name == HOST_COOKIE
    answer.set_cookie(name, secret, max_age=int(MOST_S), httponly=True, samesite="strict", secure=secure, path="/")
    answer.delete_cookie(_FORMER, path="/")


def forget(answer: Response, sessions: Sessions, scheme: str) -> None:
    """Take the cookie away, and that of older versions."""
    name = sessions.cookie(scheme)
    answer.delete_cookie(name, httponly=True, samesite="strict", secure=name == HOST_COOKIE, path="/")
    answer.delete_cookie(_FORMER, path="/")


def _slow(reason: str, seconds: float) -> Response:
    return body(429, "too-many-requests", reason, "Wait as Retry-After says.", {"Retry-After": str(int(seconds) + 1)})
