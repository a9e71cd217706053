"""The extraction service: settings -> bus, store, sandbox -> handler -> consume loop, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from journalclip_extraction.handler import ExtractionHandler
from journalclip_extraction.sandbox import Sandbox
from journalclip_extraction.settings import ExtractionSettings
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler


def serve(settings: ExtractionSettings, stop: threading.Event | None = None) -> int:
    """Handle events until ``stop`` is set; returns the exit code."""

    @contextmanager
    def build(store: ArtifactStore, _bus: Bus) -> Iterator[Handler]:
        with Sandbox(settings.limits, container=settings.parser) as sandbox:
            yield ExtractionHandler(store, sandbox, settings.options())

    return wiring.serve(settings, build, stop)


def main() -> None:
    sys.exit(serve(ExtractionSettings()))


if __name__ == "__main__":
    main()
