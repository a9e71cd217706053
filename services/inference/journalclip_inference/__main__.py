"""Settings -> clients -> run. ``python -m journalclip_inference`` serves; `part` picks another."""

from __future__ import annotations

from functools import partial

import uvicorn

from journalclip_inference.handler import FigureIndexer, Indexer, IndexHandler, SegmentHandler
from journalclip_inference.service import Clients, build, connect, open_registry
from journalclip_inference.settings import InferenceSettings
from journalclip_inference.studies.index import StudyIndexer
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import ModelRegistry


def main() -> None:
    """Run until told to stop; what is in hand is finished first."""
    settings = InferenceSettings()
    if settings.part == "index":
        wiring.main_of_kind(
            settings, lambda kind: lambda store, _bus: IndexHandler(store, indexer_of(kind, store, settings))
        )
    elif settings.part == "segments":
        load = partial(Encoder.load, device=settings.device)
        wiring.main(settings, lambda store, _bus: SegmentHandler(store, open_registry(settings), settings.cache, load))
    else:
        serve(settings, connect(settings), open_registry(settings))


def indexer_of(kind: Kind, store: ArtifactStore, settings: InferenceSettings) -> Indexer:
    if kind == "studies":
        return StudyIndexer(store, settings.cache, load=partial(StudyEncoder.load, device=settings.device))
    return FigureIndexer(store, settings.cache, load=partial(Encoder.load, device=settings.device))


def serve(settings: InferenceSettings, clients: Clients, registry: ModelRegistry) -> None:
    service = build(settings, clients, registry)
    service.start()
    try:
        uvicorn.run(service.app, host=settings.host, port=settings.port, log_level="warning", server_header=False)
    finally:
        service.stop()


if __name__ == "__main__":
    main()
