"""Brings all replicas to the champion, in the order that keeps answers whole.

`check` compares the registry with what the replicas say they serve and does nothing where they agree. It may be killed
or fail at any point: what is in service goes on answering, and the next check starts from what it then finds.
"""

from __future__ import annotations

import asyncio
import logging

from journalclip_inference.distributed.fleet import Encoders, Indexes
from journalclip_inference.hits import Served
from journalclip_inference.index.collection import segments_of
from journalclip_inference.reload import said
from journalclip_inference.snapshot import champion_of, read_champion
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.registry import ModelRegistry, ModelVersion

_log = logging.getLogger(__name__)


class Conductor:
    """One a server; a second one would only do the same work again."""

    def __init__(self, store: ArtifactStore, registry: ModelRegistry, encoders: Encoders, indexes: Indexes) -> None:
        self._store = store
        self._registry = registry
        self._encoders = encoders
        self._indexes = indexes
        self._busy = asyncio.Lock()
        self._problem = ""

    async def problem(self) -> str:
        """What keeps the replicas from the champion; empty where nothing does."""
        return self._problem

    async def check(self) -> bool:
        """True where a replica was changed. What goes wrong, whatever it is, is said by `problem`, not raised."""
        async with self._busy:
            (outcome,) = await asyncio.gather(self._check(), return_exceptions=True)
            if isinstance(outcome, BaseException):
                self._problem = said(outcome)
                _log.warning("the champion cannot be loaded; the former one stays: %s", self._problem)
                return False
            self._problem = ""
            return outcome

    async def follow(self, poll_s: float) -> None:
        """Check for ever."""
        while True:
            await self.check()
            await asyncio.sleep(poll_s)

    async def _check(self) -> bool:
        version, served, segments = await asyncio.to_thread(self._wanted)
        indexes, encoders = await asyncio.gather(self._indexes.at(), self._encoders.at())
        if set(indexes) == {(served, segments)} and set(encoders) == {served}:
            return False
        await self._indexes.prepare(served)
        await self._encoders.prepare(version)
        # A replica that came up meanwhile has not prepared: it answers with what it has until the next check.
        await self._encoders.switch(served)
        await self._indexes.lead(served)
        _log.info("serving version %s (%s)", served.version, served.model_id)
        return True

    def _wanted(self) -> tuple[ModelVersion, Served, int]:
        version = champion_of(self._registry)
        served = read_champion(self._store, version).served
        return version, served, len(segments_of(self._store, served.model_id, served.dataset_id))
