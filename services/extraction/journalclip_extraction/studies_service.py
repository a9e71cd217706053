"""The extraction service for studies: settings -> bus, store, sandbox -> handler -> consume loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from journalclip_extraction.settings import ExtractionSettings
from journalclip_extraction.studies import StudyHandler
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_sources.studies.cells import normalising


def main() -> None:
    settings = ExtractionSettings()

    @contextmanager
    def build(store: ArtifactStore, _bus: Bus) -> Iterator[Handler]:
        with normalising() as cell:
            yield StudyHandler(store, cell)

    wiring.main(settings, build)


if __name__ == "__main__":
    main()
