"""The application: routes, page, edge, and what must be closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from journalclip_inference.api import (
    failures,
    figures,
    operations,
    review,
    saved,
    search,
    sign_in,
    studies,
    system,
    transport,
)
from journalclip_inference.api.callers import Callers
from journalclip_inference.api.edge import Edge
from journalclip_inference.api.metrics import Metrics
from journalclip_inference.api.serving import Serving

WEB = Path(str(files("journalclip_inference") / "web"))
_PAGES = {"/": "index.html", "/figures/{figure_id}": "figure.html", "/map": "map.html", "/review": "review.html",
          "/studies": "studies.html", "/api": "api.html", "/operate": "operate.html"}  # fmt: skip


async def _nothing() -> None:
    """Nothing to close."""


def create_app(serving: Serving, max_body: int, close: Callable[[], Awaitable[None]] = _nothing) -> FastAPI:
    """The whole HTTP interface over ``serving``; ``close`` is awaited when the server stops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await close()

    app = FastAPI(
        title="journalclip",
        version="1",
        description="Figures of published articles, searched by words or by pictures.",
        lifespan=lifespan,
        docs_url=None,  # its page would be fetched from a CDN; /api shows /openapi.json
        redoc_url=None,
    )
    app.state.serving = serving
    app.state.metrics = Metrics()
    for router in (search.router, saved.router, figures.router, review.router, studies.router, operations.router,
                   system.router, sign_in.router):  # fmt: skip
        app.include_router(router)
    failures.install(app)
    for path, name in _PAGES.items():
        app.add_api_route(path, _page(WEB / name), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    transport.install(app, serving.cors_origins)
    app.add_middleware(
        Edge,
        max_body=max_body,
        metrics=app.state.metrics,
        audit=serving.audit,
        callers=Callers(serving.door, serving.sessions, serving.pace, serving.guesses),
        larger={"/v1/studies/query": serving.max_study_bytes},
    )
    return app


def _page(path: Path) -> Callable[[], Awaitable[FileResponse]]:
    async def page() -> FileResponse:
        return FileResponse(path, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})

    return page
