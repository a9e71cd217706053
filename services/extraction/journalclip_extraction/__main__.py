"""The extraction service: settings -> bus, store, sandbox -> handler -> consume loop, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
import threading

from journalclip_extraction.handler import ExtractionHandler
from journalclip_extraction.sandbox import Sandbox
from journalclip_extraction.settings import ExtractionSettings
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Loop, LoopSettings


def serve(settings: ExtractionSettings, stop: threading.Event) -> int:
    """Handle events until ``stop`` is set; returns how many deliveries that was."""
    bus = SqliteBus(settings.workdir / "events.db")
    store = LocalArtifacts(settings.workdir / "artifacts")
    with Sandbox(settings.limits) as sandbox:
        handler = ExtractionHandler(store, sandbox, settings.extract)
        return Loop(bus, handler, LoopSettings(concurrency=settings.concurrency)).run(stop)


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(ExtractionSettings(), stop)


if __name__ == "__main__":
    main()
