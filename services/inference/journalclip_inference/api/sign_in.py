"""Signing in at the issuer: the browser is sent there, comes back with a code, and leaves with a cookie."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from journalclip_inference.api.callers import keep
from journalclip_inference.api.schemas import SignInOptions
from journalclip_inference.api.serving import REFUSALS, Parts, Serving
from journalclip_inference.errors import Forbidden, NotFound
from journalclip_inference.oidc import Errand, SignIn

_PATH = "/v1/login"
router = APIRouter(prefix=_PATH, responses=REFUSALS, tags=["system"])
_ERRAND = "journalclip_errand"
_ERRAND_S = 600  # for typing a password and a second factor
_WAY: dict[int | str, dict[str, object]] = {303: {"description": "On to the issuer, or back to the page."}}


@router.get("")
def options(parts: Parts) -> SignInOptions:
    """How one may sign in here, besides with a token."""
    return SignInOptions(issuer=parts.sign_in.host if parts.sign_in else None)


@router.get("/issuer", status_code=303, response_class=RedirectResponse, responses=_WAY)
def to_issuer(request: Request, parts: Parts, then: Annotated[str, Query(max_length=1000)] = "/") -> RedirectResponse:
    """To the issuer; ``then`` is the page of this server to come back to."""
    sign_in, errand = _offered(parts), Errand.fresh(then)
    answer = RedirectResponse(sign_in.start(errand, _back(request, sign_in)), 303)
    secure = _back(request, sign_in).startswith("https:")
    # Lax, since the way back begins at the issuer's site.
    answer.set_cookie(_ERRAND, str(errand), max_age=_ERRAND_S, httponly=True, samesite="lax", secure=secure, path=_PATH)
    return answer


@router.get("/callback", status_code=303, response_class=RedirectResponse, responses=_WAY)
def from_issuer(request: Request, parts: Parts, state: str = "", code: str = "", error: str = "") -> RedirectResponse:
    """From the issuer, to the page that was left. A refusal is told there, by its code."""
    sign_in = _offered(parts)
    back = _back(request, sign_in)
    try:
        if error:
            raise Forbidden("sign-in-refused", f"the issuer says {error}", "Sign in again.")
        errand = Errand.read(request.cookies.get(_ERRAND, ""))
        granted = sign_in.finish(errand, state, code, back)
        assert granted.who is not None
    except Forbidden as refusal:
        answer = RedirectResponse(f"/#sign-in={quote(refusal.code)}", 303)
    else:
        request.state.principal = granted.who
        answer = RedirectResponse(errand.then, 303)
        keep(answer, parts.sessions, request.url.scheme, parts.sessions.begin(granted.who, granted=granted))
    answer.delete_cookie(_ERRAND, path=_PATH)
    return answer


def _offered(parts: Serving) -> SignIn:
    if parts.sign_in is None:
        raise NotFound("issuer", "to sign in at", "Set JOURNALCLIP_OIDC_ISSUER and JOURNALCLIP_OIDC_CLIENT_ID.")
    return parts.sign_in


def _back(request: Request, sign_in: SignIn) -> str:
    """The address that the issuer sends browsers back to; it must be told of it beforehand."""
    return f"{sign_in.public_url or str(request.base_url).rstrip('/')}{_PATH}/callback"
