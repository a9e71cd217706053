"""Signing in, health, and metrics."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from journalclip_inference.api.callers import forget, keep, secret_of
from journalclip_inference.api.metrics import Metrics
from journalclip_inference.api.schemas import Health, LoginRequest, Me, SignedOut
from journalclip_inference.api.serving import REFUSALS, Parts, Viewer

router = APIRouter(responses=REFUSALS, tags=["system"])


@router.post("/v1/login")
def login(wanted: LoginRequest, request: Request, response: Response, parts: Parts) -> Me:
    """Begin a session with a token. Its secret is in a cookie that scripts cannot read and other sites cannot send."""
    client = request.client.host if request.client else None
    who = parts.door.principal(wanted.token, client, request.headers.get("host", ""))
    request.state.principal = who
    keep(response, parts.sessions, request.url.scheme, parts.sessions.begin(who, wanted.token))
    return Me(name=who.name, role=who.role)


@router.post("/v1/logout")
def logout(request: Request, response: Response, parts: Parts) -> SignedOut:
    """End this browser's session; where the issuer began it, `issuer` is where to end the one there."""
    secret = secret_of(parts.sessions, request)
    forget(response, parts.sessions, request.url.scheme)
    ended = parts.sessions.end(secret) if secret else None
    if ended is None or not ended.id_token or parts.sign_in is None:
        return SignedOut()
    back = parts.sign_in.public_url or str(request.base_url).rstrip("/")
    return SignedOut(issuer=parts.sign_in.sign_out(ended.id_token, f"{back}/"))


@router.get("/v1/me")
async def me(who: Viewer) -> Me:
    return Me(name=who.name, role=who.role)


@router.get("/healthz")
async def healthz() -> Health:
    """Alive: the process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
async def readyz(parts: Parts, empty: Literal["", "ok"] = "") -> Response:
    """Ready: a champion is loaded; with ``empty=ok`` also where none was ever promoted, as after an installation."""
    status = await parts.backend.status()
    if status.served is None and not (empty and status.empty):
        found = Health(status="not-ready", problem=status.problem)
        return JSONResponse(found.model_dump(), 503, headers={"Retry-After": "5"})
    return JSONResponse(Health(status="ok", served=status.served, problem=status.problem).model_dump())


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request, parts: Parts) -> Response:
    """Prometheus text."""
    found: Metrics = request.app.state.metrics
    status = await parts.backend.status()
    return Response(found.text(status.waiting, status.served, status.problem), media_type="text/plain; version=0.0.4")
