"""What a running service tells: log lines, Prometheus metrics, and one OpenTelemetry span an event.

A trace follows an article through all services: the span's traceparent travels in the event's CloudEvents extension of
that name, and the next service's span is its child. Without an OTLP endpoint no SDK is started, spans cost next to
nothing, and the trace is passed on as it came. Metrics carry the group and the topic, never an id.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from journalclip_shared.bus import Delivery
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact
from journalclip_shared.records import UNKNOWN_FIELDS
from journalclip_shared.repeat import DONE_AT

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

# From a rule-based caption (milliseconds) to a training run (hours).
_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800, 7200)
# A loop whose polling thread did not turn for so long is stuck. All its retries of a bus that is away take less.
_STUCK_S = 300.0
# Loops ask the bus for their lag every five seconds; one that had no answer for so long cannot work.
_UNHEARD_S = 15.0
_SILENCES = {"/healthz": _STUCK_S, "/readyz": _UNHEARD_S}
_PROPAGATOR = TraceContextTextMapPropagator()
_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Telemetry:
    """The observer and tracer of one service's loop; a context manager that holds the metrics port."""

    def __init__(
        self,
        group: str,
        metrics_port: int = 0,
        otlp_endpoint: str = "",
        provider: TracerProvider | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self._group, self._port = group, metrics_port
        self._handled = Counter(
            "journalclip_events_handled", "Events handled.", ["group", "topic"], registry=self.registry
        )
        self._died = Counter(
            "journalclip_events_died", "Events that became dead letters.", ["group", "topic", "code"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "journalclip_handle_seconds", "Time to handle an event.", ["group", "topic"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._waited = Counter(
            "journalclip_wait_seconds", "Seconds that deliveries waited for a dependency.", ["group", "dependency"],
            registry=self.registry,
        )  # fmt: skip
        self.registry.register(UNKNOWN_FIELDS)
        self.registry.register(DONE_AT)
        self._lag = Gauge("journalclip_lag", "Events not yet committed.", ["group"], registry=self.registry)
        self._provider = provider or (_provider(group, otlp_endpoint) if otlp_endpoint else None)
        self._tracer = trace.get_tracer("journalclip", tracer_provider=self._provider) if self._provider else None
        self._stop_server: Callable[[], None] = _nothing
        self._beat = time.monotonic()
        self._heard = float("-inf")

    def __enter__(self) -> Telemetry:
        self._beat = time.monotonic()
        if self._port:
            self._stop_server = _serve(self._port, self._page)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop_server()
        if self._provider is not None:
            self._provider.shutdown()

    def handled(self, delivery: Delivery, facts: Sequence[Fact], seconds: float) -> None:
        self._handled.labels(self._group, delivery.topic).inc()
        self._seconds.labels(self._group, delivery.topic).observe(seconds)

    def died(self, delivery: Delivery, error: PermanentError) -> None:
        self._died.labels(self._group, delivery.topic, error.code).inc()
        logging.getLogger("journalclip").warning(
            "quarantined: %s", error.reason, extra={"code": error.code, "key": delivery.key, "topic": delivery.topic}
        )

    def waiting(self, dependency: str, seconds: float) -> None:
        self._waited.labels(self._group, dependency or "unknown").inc(seconds)

    def lag(self, events: int) -> None:
        self._lag.labels(self._group).set(events)
        self.heard()

    def beat(self) -> None:
        """The polling thread went through its loop once more."""
        self._beat = time.monotonic()

    def heard(self) -> None:
        """The bus answered."""
        self._heard = time.monotonic()

    def _page(self, path: str) -> tuple[int, str, bytes]:
        """Status, type and body of ``/healthz`` (alive), ``/readyz`` (it can work) and of everything else (metrics)."""
        if path not in _SILENCES:
            return 200, CONTENT_TYPE_LATEST, generate_latest(self.registry)
        now, allowed = time.monotonic(), _SILENCES[path]
        since, what = (
            (self._beat, "the loop has not turned") if path == "/healthz" else (self._heard, "the bus has not answered")
        )
        if now - since > allowed:
            silent = "yet" if since == float("-inf") else f"for {now - since:.0f} s"
            return 503, "text/plain", f"{what} {silent}\n".encode()
        return 200, "text/plain", b"ok\n"

    def span(self, group: str, event: Event) -> AbstractContextManager[str | None]:
        return nullcontext(event.traceparent) if self._tracer is None else self._span(self._tracer, group, event)

    @contextmanager
    def _span(self, tracer: trace.Tracer, group: str, event: Event) -> Iterator[str | None]:
        parent = _PROPAGATOR.extract({"traceparent": event.traceparent} if event.traceparent else {})
        attributes = {"messaging.destination.name": event.topic, "messaging.message.id": event.id}
        with tracer.start_as_current_span(group, parent, trace.SpanKind.CONSUMER, attributes):
            carrier: dict[str, str] = {}
            _PROPAGATOR.inject(carrier)
            yield carrier.get("traceparent")


def _nothing() -> None: ...


def _serve(port: int, page: Callable[[str], tuple[int, str, bytes]]) -> Callable[[], None]:
    """Serve ``page`` on all addresses in a thread; returns how to stop it."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server calls it by this name
            status, kind, body = page(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
            """A probe every few seconds is no news."""

    server = ThreadingHTTPServer(("", port), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


class JsonLines(logging.Formatter):
    """One JSON object a line; whatever was given as ``extra`` is a field of it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(json_lines: bool) -> None:
    """Log to stderr, for a person or for a machine; libraries speak up from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if json_lines else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("kafka", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _provider(group: str, endpoint: str) -> TracerProvider:
    # The SDK is the extra `telemetry`: a service that sends no traces does without.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider as Provider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = Provider(resource=Resource.create({"service.name": f"journalclip-{group}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    return provider
