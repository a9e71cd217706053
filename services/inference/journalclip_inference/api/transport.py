"""What HTTP itself asks of answers, whatever they are about: HEAD, caching, compression, other origins."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PICTURE = re.compile(r"^/v1/images/|/(image|page)$|/volumes/")
_SMALLEST = 1_000  # bytes: below this compression costs more than it saves
_LEVEL = 1  # of 9; an answer of 50 kB takes 0.4 ms, half of what level 4 takes
# Content never changes under an id, but a word may withhold it: a browser asks again after a minute, and by its tag.
A_MINUTE = "private, max-age=60"


def install(app: FastAPI, cors_origins: Sequence[str]) -> None:
    """Before the edge is added, so that the edge stands outside of all of this."""
    app.add_middleware(Compressed)
    app.add_middleware(Head)
    app.add_middleware(NoStore)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["retry-after", "etag", "x-shape", "x-spacing"],
            allow_credentials=False,
        )


class Compressed:
    """Text is compressed for callers who read that; pictures are compressed already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packed = GZipMiddleware(app, minimum_size=_SMALLEST, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        picture = scope["type"] == "http" and _PICTURE.search(scope["path"]) is not None
        await (self._app if picture else self._packed)(scope, receive, send)


class Head:
    """HEAD is GET without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        scope["method"] = "GET"
        try:
            await self._app(scope, receive, bare)
        finally:
            scope["method"] = "HEAD"


class NoStore:
    """Answers of the API are kept by nobody, unless their route says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"].startswith("/v1"):
                MutableHeaders(scope=message).setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, told)


def unchanged(request: Request, tag: str) -> Response | None:
    """The 304 for a caller who has this very content already."""
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    return Response(status_code=304, headers=kept(tag)) if f'"{tag}"' in known or "*" in known else None


def kept(tag: str) -> dict[str, str]:
    """Headers of content that never changes under its id."""
    return {"Cache-Control": A_MINUTE, "ETag": f'"{tag}"'}
