"""From our errors to HTTP: one body, one table of statuses. A bug is not caught here; it ends in a bare 500.

The body is a problem document (RFC 9457): `type`, `title`, `status` and `detail` beside our own `code`, `reason` and
`remedy`.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from journalclip_inference.errors import Overloaded
from journalclip_shared.errors import PermanentError, TransientError

_STATUS = {
    "sign-in-needed": 401,
    "token-unknown": 401,
    "token-refused": 401,
    "session-ended": 401,
    "sign-in-refused": 401,
    "role-needed": 403,
    "role-missing": 403,
    "not-found": 404,
    "unknown-id": 404,
    "artifact-missing": 404,
    "token-id-unknown": 404,
    "not-operated-here": 404,
    "change-runs": 409,
    "source-withdrawn": 410,
    "pair-rejected": 410,
    "image-too-large": 413,
    "image-too-many-pixels": 413,
    "artifact-corrupt": 503,  # ours to mend, not the caller's
    "index-mismatch": 503,
    "issuer-invalid": 503,
}
_CODES = {404: "not-found", 405: "method-not-allowed", 413: "request-too-large", 400: "body-unreadable"}
_RETRY_S = 5  # a promotion or a restart takes about this long


def install(app: FastAPI) -> None:
    app.add_exception_handler(PermanentError, _permanent)
    app.add_exception_handler(TransientError, _transient)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def body(status: int, code: str, reason: str, remedy: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    told = {"code": code, "reason": reason, "remedy": remedy}
    problem = {"type": f"urn:journalclip:{code}", "title": code.replace("-", " "), "status": status, "detail": reason}
    return JSONResponse({**problem, **told}, status, headers=headers, media_type="application/problem+json")


async def refused(error: PermanentError | TransientError) -> JSONResponse:
    """The answer to one of our errors, where no route was reached."""
    return _answer(error)


async def _permanent(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PermanentError)
    return _answer(error)


async def _transient(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TransientError)
    return _answer(error)


def _answer(error: PermanentError | TransientError) -> JSONResponse:
    if isinstance(error, Overloaded):
        return body(429, "overloaded", str(error), "", {"Retry-After": str(error.retry_after_s)})
    if isinstance(error, TransientError):
        return body(503, "unavailable", str(error), "Try again soon.", {"Retry-After": str(_RETRY_S)})
    status = _STATUS.get(error.code, 422)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return body(status, error.code, error.reason, error.remedy, headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
    return body(422, "request-invalid", found, "The request's form is in /openapi.json.")


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    code = _CODES.get(error.status_code, "http")
    return body(error.status_code, code, str(error.detail), "", headers)
