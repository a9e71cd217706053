"""What happens to every request before and after its route: who asks, size, pace, headers, metrics, the audit log.

Who asks is settled from the headers, before a byte of the body is read. A request is cut off as soon as it has
sent more than it may, whatever its header claimed. The page's policy allows nothing from elsewhere. Metrics know a
request by its route, never by its path, so that ids do not become series.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from journalclip_inference.api.callers import Callers
from journalclip_inference.api.failures import body
from journalclip_inference.api.metrics import Metrics
from journalclip_inference.audit import Audit

_POLICY = b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
# The search page alone may fetch from elsewhere: a picture whose address a reader gives. Nothing foreign ever runs.
_FETCHING = _POLICY + b"; connect-src 'self' https:"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds by machines; nothing to audit


class Edge:
    """ASGI middleware."""

    def __init__(
        self,
        app: ASGIApp,
        max_body: int,
        metrics: Metrics,
        audit: Audit,
        callers: Callers,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        """``larger``: paths whose requests may be of another size."""
        self._app = app
        self._callers = callers
        self._max_body, self._larger = max_body, larger or {}
        self._metrics = metrics
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, read = time.monotonic(), 500, 0
        most = self._larger.get(scope["path"], self._max_body)

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            return message

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                policy = _FETCHING if scope["path"] == "/" else _POLICY
                headers = [*message["headers"], (b"content-security-policy", policy), *_HEADERS]
                message = {**message, "headers": headers}
            await send(message)

        try:
            refusal = await self._callers.admit(scope)
            if refusal is None and _declared(scope) > most:
                refusal = body(413, "request-too-large", str(_too_large(most).detail))
            await (refusal(scope, receive, answered) if refusal else self._app(scope, counted, answered))
        finally:
            self._note(scope, status, time.monotonic() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.request(scope["method"], route, status, seconds)
        if route not in _QUIET and route.startswith("/v1"):
            who = scope.get("state", {}).get("principal")
            name, role = (who.name, who.role) if who else ("unknown", "none")
            self._audit.record(name, role, f"{scope['method']} {route}", _subject(scope), status)


def _too_large(limit: int) -> HTTPException:
    # Raised where the route reads its body, and turned into an answer by the application's own handler.
    return HTTPException(413, f"the request is larger than {limit} bytes; send a smaller image")


def _declared(scope: Scope) -> int:
    found = dict(scope["headers"]).get(b"content-length", b"0")
    return int(found) if found.isdigit() else 0


def _subject(scope: Scope) -> str:
    return " ".join(str(value) for value in scope.get("path_params", {}).values())
