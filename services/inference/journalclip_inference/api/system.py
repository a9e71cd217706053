"""Signing in, health, and metrics."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from journalclip_inference.api.callers import COOKIE
from journalclip_inference.api.metrics import Metrics
from journalclip_inference.api.schemas import Health, LoginRequest, Me
from journalclip_inference.api.serving import REFUSALS, Parts, Viewer, keep_token

router = APIRouter(responses=REFUSALS, tags=["system"])


@router.post("/v1/login")
def login(wanted: LoginRequest, request: Request, response: Response, parts: Parts) -> Me:
    """Keep a token in a cookie that scripts cannot read and other sites cannot send."""
    client = request.client.host if request.client else None
    who = parts.door.principal(wanted.token, client, request.headers.get("host", ""))
    request.state.principal = who
    keep_token(response, wanted.token, request.url.scheme == "https")
    return Me(name=who.name, role=who.role)


@router.post("/v1/logout", status_code=204)
async def logout(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")


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
