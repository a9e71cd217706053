"""The extraction service: settings -> bus, store, sandbox -> handler -> consume loop, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from journalclip_extraction.handler import ExtractionHandler
from journalclip_extraction.sandbox import Sandbox
from journalclip_extraction.settings import ExtractionSettings
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.kinds import Kind


def build(settings: ExtractionSettings, kind: Kind) -> wiring.Build:
    return _studies() if kind == "studies" else _articles(settings)


def _articles(settings: ExtractionSettings) -> wiring.Build:
    @contextmanager
    def open_handler(store: ArtifactStore, _bus: Bus) -> Iterator[Handler]:
        with Sandbox(settings.limits, container=settings.parser) as sandbox:
            yield ExtractionHandler(store, sandbox, settings.options())

    return open_handler


def _studies() -> wiring.Build:
    from journalclip_extraction.studies import StudyHandler  # reads volumes, which needs libraries of its own
    from journalclip_sources.studies.cells import normalising

    @contextmanager
    def open_handler(store: ArtifactStore, _bus: Bus) -> Iterator[Handler]:
        with normalising() as cell:
            yield StudyHandler(store, cell)

    return open_handler


def main() -> None:
    settings = ExtractionSettings()
    wiring.main_of_kind(settings, lambda kind: build(settings, kind))


if __name__ == "__main__":
    main()
