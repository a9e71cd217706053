"""One encoder replica: the champion's two towers, a batch at a time, and room for the next champion beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from journalclip_inference.backend import Classified, Encoded, encoded_by, shares
from journalclip_inference.batching import Batcher, BatchLimits
from journalclip_inference.distributed.outcome import carried
from journalclip_inference.errors import IndexMismatch, NoChampion
from journalclip_inference.hits import Served
from journalclip_inference.snapshot import Champion, Query, champion_of, embed_queries, read_champion
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import JournalclipError
from journalclip_shared.registry import ModelRegistry, ModelVersion

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A verified, warmed model and whose it is."""

    served: Served
    encoder: Encoder


class EncoderReplica:
    """At most two models in memory: the one in service and the one that is to follow."""

    def __init__(
        self, store: ArtifactStore, cache: Path, limits: BatchLimits, load: Callable[[Path], Encoder] = Encoder.load
    ) -> None:
        self._store = store
        self._cache = cache
        self._load = load
        self._current: Loaded | None = None
        self._next: Loaded | None = None
        self._batcher: Batcher[Query, Encoded] = Batcher(self._encode, limits)

    def start(self, registry: ModelRegistry) -> None:
        """Come up with the champion, where there is one that can be loaded; else wait for the conductor."""
        try:
            self._current = self._open(champion_of(registry))
        except JournalclipError as error:
            _log.warning("starting without a model: %s", error)

    async def at(self) -> Served | None:
        """What is in service."""
        return self._current.served if self._current else None

    @carried
    async def prepare(self, version: ModelVersion) -> Served:
        """Fetch, verify, load and warm a version beside the one in service; nothing where it is there already.

        Raises `IndexAbsent`, `IndexMismatch`, `ModelTampered`, `ModelUnloadable`, `ArtifactMissing`.
        """
        champion = await asyncio.to_thread(read_champion, self._store, version)
        loaded = self._known(champion.served) or await asyncio.to_thread(self._loaded, champion)
        if loaded is not self._current:
            self._next = loaded
        return champion.served

    async def switch(self, served: Served) -> bool:
        """Put what was prepared into service; False where it was not prepared here."""
        prepared = self._next
        if prepared is not None and prepared.served == served:
            self._current, self._next = prepared, None
        current = self._current
        return current is not None and current.served == served

    @carried
    async def encode(self, queries: Sequence[Query]) -> list[Encoded]:
        """One vector a query. Raises `NoChampion`, `Overloaded`."""
        return list(await asyncio.gather(*(self._batcher.submit(query) for query in queries)))

    @carried
    async def classify(self, query: Query, labels: Sequence[str], prompts: Sequence[str]) -> Classified:
        loaded = self._take()
        return Classified(loaded.served, await asyncio.to_thread(shares, loaded.encoder, query, labels, prompts))

    async def waiting(self) -> int:
        return self._batcher.waiting

    def _known(self, served: Served) -> Loaded | None:
        return next((each for each in (self._current, self._next) if each and each.served == served), None)

    def _take(self) -> Loaded:
        if self._current is None:
            raise NoChampion
        return self._current

    def _encode(self, queries: Sequence[Query]) -> list[Encoded]:
        loaded = self._take()  # once a batch, so that a batch is one model's
        return encoded_by(loaded.served, loaded.encoder, queries)

    def _open(self, version: ModelVersion) -> Loaded:
        return self._loaded(read_champion(self._store, version))

    def _loaded(self, champion: Champion) -> Loaded:
        encoder = self._load(fetch_folder(self._store, champion.model.files, self._cache / "models"))
        if encoder.dim != champion.index.dim:
            raise IndexMismatch(f"the model has {encoder.dim} dimensions, its index {champion.index.dim}")
        embed_queries(encoder, [Query("warm", Image.new("RGB", (64, 64)))])  # first calls allocate
        return Loaded(champion.served, encoder)
