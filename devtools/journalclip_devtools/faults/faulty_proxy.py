"""An HTTP proxy that answers some requests with an error of its own: an S3 that says 500, 503 or 507 now and then.

The fault proxy on the network's level cannot speak HTTP. Requests pass through as they came (also the Host header,
which S3 signatures cover). Which requests fail follows a seed.
"""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}  # said anew by each hop


@dataclass
class Unwell:
    """What the proxy does now."""

    upstream: str
    listen: str = ""
    status: int = 503
    share: float = 0.0
    failed: int = 0
    unknown_header: str = ""  # a request with it is answered with 501
    rng: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311 - an order of faults, no secret

    def fail(self, status: int, share: float) -> None:
        """From now on that share of requests is answered with ``status``."""
        self.status, self.share = status, share

    def refused(self, names: Iterable[str]) -> bool:
        """Whether a request has the header that this store does not know."""
        found = bool(self.unknown_header) and self.unknown_header.lower() in {name.lower() for name in names}
        self.failed += found
        return found

    def fails(self) -> bool:
        if self.rng.random() >= self.share:
            return False
        self.failed += 1
        return True


@contextmanager
def unwell(upstream: str) -> Iterator[Unwell]:
    """A proxy of ``upstream`` (host:port) on a free loopback port, well until told otherwise."""
    state = Unwell(upstream)

    class Handler(_Handler):
        unwell = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.listen = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    unwell: Unwell

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.unwell.fails():
            self._answer(self.unwell.status, [], b"")
            return
        if self.unwell.refused(self.headers):
            self._answer(501, [], b"<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>")
            return
        upstream = http.client.HTTPConnection(self.unwell.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
        finally:
            upstream.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        sized = False
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
                sized = sized or name.lower() == "content-length"
        if not sized:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Says nothing."""
