"""A service tells what it did: metrics by topic, a trace that goes on through events, one JSON object a log line."""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
import urllib.request

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from journalclip_shared.bus import Delivery
from journalclip_shared.consume import Loop
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ArticleSubmitted, Event, Fact, FiguresExtracted, PairsStructured, decode
from journalclip_shared.telemetry import JsonLines, Telemetry, configure_logging
from journalclip_shared.testing.facts import sample_ref, submitted
from journalclip_shared.testing.memory import MemoryBus

DELIVERY = Delivery(ArticleSubmitted.topic, 0, 7, "art_1", (), b"")


class Extract:
    group = "extraction"
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted,)

    def handle(self, event: Event) -> list[Fact]:
        return [FiguresExtracted(article_id=event.key, document=sample_ref(), figures=1, panels=0)]


class Structure:
    group = "structuring"
    consumes: tuple[type[Fact], ...] = (FiguresExtracted,)

    def handle(self, event: Event) -> list[Fact]:
        return [PairsStructured(article_id=event.key, document=sample_ref(), pairs=1)]


def test_one_trace_runs_through_both_services() -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    bus = MemoryBus()
    bus.publish([Event(submitted(1), "test")])
    for handler in (Extract(), Structure()):
        Loop(bus, handler, tracer=Telemetry(handler.group, provider=provider)).drain()
    first, second = spans.get_finished_spans()
    assert (first.name, second.name) == ("extraction", "structuring")
    assert first.context is not None
    assert second.context is not None
    assert second.parent is not None
    assert first.context.trace_id == second.context.trace_id
    assert second.parent.span_id == first.context.span_id
    (last,) = bus.read(PairsStructured.topic)
    assert f"{first.context.trace_id:032x}" in (decode(last.headers, last.body).traceparent or "")


def test_without_an_endpoint_the_trace_passes_as_it_came() -> None:
    bus = MemoryBus()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    bus.publish([Event(submitted(1), "test", traceparent=trace)])
    Loop(bus, Extract(), tracer=Telemetry("extraction")).drain()
    (out,) = bus.read(FiguresExtracted.topic)
    assert decode(out.headers, out.body).traceparent == trace


def test_metrics_are_served_by_topic_and_code() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Telemetry("extraction", metrics_port=port) as telemetry:
        telemetry.handled(DELIVERY, [], 0.3)
        telemetry.died(DELIVERY, PermanentError("pdf-empty", "0 bytes"))
        telemetry.lag(42)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            page = answer.read().decode()
    assert 'journalclip_events_handled_total{group="extraction",topic="articles.submitted.v1"} 1.0' in page
    assert 'code="pdf-empty"' in page
    assert 'journalclip_lag{group="extraction"} 42.0' in page
    assert 'le="0.5"' in page
    assert "art_1" not in page, "an id as a label would grow without bound"


def test_a_loop_that_turns_is_healthy_and_one_that_is_stuck_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    telemetry = Telemetry("extraction")
    with telemetry:
        assert telemetry._page("/healthz")[0] == 200
        monkeypatch.setattr("journalclip_shared.telemetry.time.monotonic", lambda: now + 10_000)
        status, _, body = telemetry._page("/healthz")
        assert (status, b"has not turned" in body) == (503, True)
        telemetry.beat()
        assert telemetry._page("/healthz") == (200, "text/plain", b"ok\n")


def test_a_loop_is_ready_while_the_bus_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    with Telemetry("extraction") as telemetry:
        status, _, body = telemetry._page("/readyz")
        assert (status, body) == (503, b"the bus has not answered yet\n")
        bus = MemoryBus()
        bus.publish([Event(submitted(1), "test")])
        Loop(bus, Extract(), lag=telemetry.lag).drain()
        assert telemetry._page("/readyz")[0] == 200, "the loop asked the bus for its lag"
        monkeypatch.setattr("journalclip_shared.telemetry.time.monotonic", lambda: now + 60)
        status, _, body = telemetry._page("/readyz")
        assert status == 503
        assert b"the bus has not answered for" in body
        assert telemetry._page("/healthz")[0] == 200, "nobody is restarted for a bus that is away"
        telemetry.heard()
        assert telemetry._page("/readyz")[0] == 200


def test_the_loop_tells_that_it_turns() -> None:
    turns = 0

    def beat() -> None:
        nonlocal turns
        turns += 1

    bus = MemoryBus()
    bus.publish([Event(submitted(1), "test")])
    Loop(bus, Extract(), beat=beat).drain()
    assert turns > 0


def test_an_endpoint_starts_the_exporter() -> None:
    with Telemetry("extraction", otlp_endpoint="http://127.0.0.1:9") as telemetry:
        assert telemetry._provider is not None
        assert telemetry._provider.resource.attributes["service.name"] == "journalclip-extraction"


def test_a_log_line_is_one_json_object_with_its_extras() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "f", 1, "read %s", ("Año",), sys.exc_info(), extra={"code": "pdf-empty"}
        )
    line = JsonLines().format(record)
    parsed = json.loads(line)
    assert "\n" not in line
    assert (parsed["message"], parsed["level"], parsed["code"]) == ("read Año", "error", "pdf-empty")
    assert "ValueError" in parsed["exception"]
    assert parsed["time"].endswith("Z")


@pytest.mark.parametrize("json_lines", [True, False])
def test_logging_is_configured_once_for_all(json_lines: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json_lines)
    logging.getLogger("journalclip.test").info("hello")
    logging.getLogger("kafka.conn").info("chatter")
    said = capsys.readouterr().err
    assert "hello" in said
    assert "chatter" not in said
    assert said.startswith("{") is json_lines
    logging.getLogger().handlers.clear()
