"""HTTP upload: ``POST /articles?name=...`` with a PDF as body does what dropping it into the bucket does.

The body is streamed to a temporary file and limited in size; the answer comes once the article is stored and announced,
and says whether these bytes are new. ``GET /healthz`` answers while the process lives.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from journalclip_intake.articles import record
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import Event, SourceQuarantined
from journalclip_shared.repeat import end_process
from journalclip_shared.withdrawals import Withdrawals


def application(store: ArtifactStore, bus: Bus, max_bytes: int) -> Starlette:
    """The ASGI application."""
    words = Withdrawals(store)

    def announce(path: Path, name: str) -> dict[str, str | bool | None]:
        submission, fact = record(store, words, path, name)
        bus.publish([Event(fact, "upload")])
        if isinstance(fact, SourceQuarantined):
            raise PermanentError(fact.code, fact.reason, fact.remedy)
        return {"article_id": submission.article_id, "new": submission.new, "copy_of": submission.copy_of}

    async def upload(request: Request) -> Response:
        name = Path(request.query_params.get("name", "article.pdf")).name or "article.pdf"
        with tempfile.TemporaryDirectory(prefix="journalclip-upload-") as folder:
            path, size = Path(folder) / "body", 0
            with path.open("wb") as target:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > max_bytes:
                        return _problem(413, "upload-too-large", f"The limit is {max_bytes} bytes.")
                    target.write(chunk)
            try:
                return JSONResponse(await run_in_threadpool(announce, path, name), status_code=202)
            except PermanentError as error:
                return _problem(410, error.code, error.reason)
            except TransientError as error:
                return _problem(503, "unavailable", f"{error}; try again.")

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/articles", upload, methods=["POST"]), Route("/healthz", healthy)])


def _problem(status: int, code: str, reason: str) -> Response:
    return JSONResponse({"code": code, "reason": reason}, status_code=status)


@contextmanager
def served(app: Starlette, port: int, host: str = "0.0.0.0") -> Iterator[None]:  # noqa: S104 - a pod is reached from outside
    """Serve ``app`` in a thread while the context lasts; a server that ends before (a port in use) ends the process."""
    server, wanted = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_config=None)), threading.Event()

    def run() -> None:
        try:
            server.run()
        finally:
            if not wanted.is_set():
                end_process(sys.exc_info()[1] or RuntimeError("the upload server ended"))

    thread = threading.Thread(target=run, name="upload", daemon=True)
    thread.start()
    try:
        yield
    finally:
        wanted.set()
        server.should_exit = True
        thread.join()
