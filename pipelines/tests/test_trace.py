"""One drop followed from the inbox to search: by its spans at a collector, and by `journalclip trace`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typer.testing import CliRunner

from journalclip_devtools.faults.chain import Chain, article_bytes
from journalclip_devtools.faults.light_index import search_handlers
from journalclip_freezing.handler import FreezeRule, FreezingHandler
from journalclip_intake.handler import NotifiedIntake
from journalclip_intake.inbox import INBOX, FolderInbox
from journalclip_intake.notifications import example
from journalclip_pipelines.cli import app
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus import Record
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Handler, Loop, LoopSettings, decoded
from journalclip_shared.events import ArticleSubmitted, FiguresExtracted
from journalclip_shared.history import facts_of
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.telemetry import Telemetry
from journalclip_shared.testing.memory import MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


class Collector:
    """As an OpenTelemetry collector: takes spans over HTTP and keeps them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.endpoint = ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        spans = self.spans

        class Takes(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server calls it by this name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                for of in ExportTraceServiceRequest.FromString(body).resource_spans:
                    spans.extend(span for scope in of.scope_spans for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Collector]:
    """One PDF dropped into the inbox of a working folder, and every step's loop drained once, with spans."""
    folder, collector = tmp_path_factory.mktemp("traced"), Collector()
    chain = Chain(SqliteBus(folder / "events.db"), LocalArtifacts(folder / "artifacts"), MemoryRegistry())
    chain.rule = FreezeRule(new_pairs=1)
    (folder / INBOX).mkdir(parents=True)
    (folder / INBOX / "issue.pdf").write_bytes(article_bytes(1))
    chain.bus.publish_raw([Record(NOTIFICATIONS, "issue", (), example("articles", f"{INBOX}issue.pdf"))])
    intake = NotifiedIntake(chain.store, FolderInbox(folder))
    with collector.listening():
        drain(chain, intake, collector)
        for stage in ("extraction", "structuring"):
            drain(chain, chain.handler(stage), collector)
        freezing = FreezingHandler(chain.freezer())
        drain(chain, freezing, collector)
        freezing.freeze_due(chain.bus.publish)
        for stage in ("training", "promotion"):
            drain(chain, chain.handler(stage), collector)
        for handler in search_handlers(chain):
            drain(chain, handler, collector)
    return folder, collector


def drain(chain: Chain, handler: Handler, collector: Collector) -> None:
    with Telemetry(handler.group, otlp_endpoint=collector.endpoint) as telemetry:
        decode = handler.decode if isinstance(handler, NotifiedIntake) else decoded
        Loop(chain.bus, handler, QUICK, tracer=telemetry, decode=decode).drain()


def test_one_drop_is_one_trace_from_the_inbox_to_search(dropped: tuple[Path, Collector]) -> None:
    _, collector = dropped
    spans = {span.span_id: span for span in collector.spans}
    assert len({span.trace_id for span in spans.values()}) == 1
    (searched,) = (span for span in spans.values() if span.name == "inference-segments-articles")
    way = [searched.name]
    while parent := spans.get(searched.parent_span_id):
        searched = parent
        way.append(parent.name)
    assert way[::-1] == ["intake", "extraction-articles", "structuring-articles", "inference-segments-articles"]
    (indexed,) = (span for span in spans.values() if span.name == "inference-index-articles")
    way = [indexed.name]
    while parent := spans.get(indexed.parent_span_id):
        indexed = parent
        way.append(parent.name)
    assert way[::-1] == [
        "intake", "extraction-articles", "structuring-articles", "training-articles", "training-articles",
        "promotion-articles", "inference-index-articles",
    ]  # fmt: skip


def test_trace_prints_the_whole_way_with_times(dropped: tuple[Path, Collector]) -> None:
    folder, collector = dropped
    bus = SqliteBus(folder / "events.db")
    article = next(iter(facts_of(bus, FiguresExtracted))).article_id
    delivery = next(iter(facts_of(bus, ArticleSubmitted))).article_id
    for asked in (article, delivery):
        done = CliRunner().invoke(app, ["trace", asked, "--workdir", str(folder), "--json"], catch_exceptions=False)
        steps = json.loads(done.stdout)["steps"]
        assert [step["topic"] for step in steps] == [
            "articles.submitted.v1", "figures.extracted.v1", "pairs.structured.v1", "datasets.frozen.v1",
            "models.trained.v1", "models.promoted.v1",
        ]  # fmt: skip
        assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
        assert {step["trace"] for step in steps} == {collector.spans[0].trace_id.hex()}
    shown = CliRunner().invoke(app, ["trace", article, "--workdir", str(folder)], catch_exceptions=False)
    assert "pairs.structured" in shown.stdout
    unknown = CliRunner().invoke(app, ["trace", "art_nothing", "--workdir", str(folder)])
    assert unknown.exit_code == 1
