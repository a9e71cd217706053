"""Settings -> clients -> run. ``python -m journalclip_inference`` serves; `part` picks another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn

from journalclip_inference.handler import FigureIndexer, Indexer, IndexHandler, SegmentHandler
from journalclip_inference.index.coverage import StructuredSources
from journalclip_inference.service import Clients, build, connect, open_registry
from journalclip_inference.settings import InferenceSettings
from journalclip_inference.studies.index import StudyIndexer
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.repeat import repeated


def main() -> None:
    """Run until told to stop; what is in hand is finished first."""
    settings = InferenceSettings()
    if settings.part == "index":
        wiring.main_of_kind(settings, lambda kind: index_builder(settings, kind))
    elif settings.part == "segments":
        wiring.main_of_kind(settings, lambda kind: segment_builder(settings, kind))
    else:
        serve(settings, connect(settings), open_registry(settings, "articles"))


def index_builder(settings: InferenceSettings, kind: Kind) -> wiring.Build:
    def build_handler(store: ArtifactStore, bus: Bus) -> Handler:
        return IndexHandler(store, indexer_of(kind, store, settings), StructuredSources(bus, kind))

    return build_handler


def segment_builder(settings: InferenceSettings, kind: Kind) -> wiring.Build:
    """The handler, with coverage measured beside it."""

    @contextmanager
    def open_handler(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        registry = open_registry(settings, kind)
        handler = SegmentHandler(
            store,
            indexer_of(kind, store, settings),
            lambda: registry.by_alias("champion"),
            StructuredSources(bus, kind),
        )
        with repeated(handler.look, settings.coverage_every_s, action=f"coverage-{kind}"):
            yield handler

    return open_handler


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
