"""Settings -> clients -> run. ``python -m journalclip_inference`` serves; `part` picks another."""

from __future__ import annotations

import uvicorn

from journalclip_inference.handler import IndexHandler, SegmentHandler
from journalclip_inference.service import Clients, build, connect
from journalclip_inference.settings import InferenceSettings
from journalclip_inference.studies.index import StudyIndexHandler
from journalclip_shared import wiring


def main() -> None:
    """Run until told to stop; what is in hand is finished first."""
    settings = InferenceSettings()
    cache = settings.workdir / "cache"
    if settings.part == "index":
        wiring.main(settings, lambda store, _bus: IndexHandler(store, cache))
    elif settings.part == "index-studies":
        wiring.main(settings, lambda store, _bus: StudyIndexHandler(store, cache))
    elif settings.part == "segments":
        wiring.main(settings, lambda store, _bus: SegmentHandler(store, connect(settings).registry, cache))
    else:
        serve(settings, connect(settings))


def serve(settings: InferenceSettings, clients: Clients) -> None:
    service = build(settings, clients)
    service.start()
    try:
        uvicorn.run(service.app, host=settings.host, port=settings.port, log_level="warning", server_header=False)
    finally:
        service.stop()


if __name__ == "__main__":
    main()
