"""One index replica: the collections of the last few champions, each answered for by its own `Served`."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from pathlib import Path
from typing import TypeVar

from journalclip_inference.backend import Ask
from journalclip_inference.distributed.outcome import carried
from journalclip_inference.errors import NoChampion
from journalclip_inference.hits import Served
from journalclip_inference.index.collection import Collection, segments_of
from journalclip_inference.index.coverage import Change
from journalclip_inference.reader import Reader
from journalclip_inference.snapshot import champion_of, read_champion
from journalclip_inference.withheld import Withholding
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import JournalclipError
from journalclip_shared.registry import ModelRegistry

_log = logging.getLogger(__name__)

T = TypeVar("T")

# The one in service, the one to follow, and the one before, whose vectors may still be on their way. Collections are
# mapped from files, so one that is kept and not asked costs address space rather than memory.
_KEPT = 3


class IndexReplica:
    """Opens collections; answers about the one that is asked for."""

    def __init__(self, store: ArtifactStore, cache: Path) -> None:
        self._store = store
        self._cache = cache
        self._readers: OrderedDict[Served, Reader] = OrderedDict()
        self._opening: dict[Served, asyncio.Task[Reader]] = {}
        self._leader: Served | None = None
        self._withholding = Withholding(store)

    def start(self, registry: ModelRegistry) -> None:
        """Come up with the champion's collection, where it is built; else wait for the conductor."""
        try:
            served = read_champion(self._store, champion_of(registry)).served
            self._readers[served] = self._open(served)
            self._leader = served
        except JournalclipError as error:
            _log.warning("starting without an index: %s", error)

    async def at(self) -> tuple[Served | None, int]:
        """What is in service, and how many segments of it are open."""
        leader = self._readers.get(self._leader) if self._leader else None
        return (leader.served, len(leader.collection.segments)) if leader else (None, 0)

    @carried
    async def prepare(self, served: Served) -> None:
        """Open a collection, or open it again where segments were added.

        Raises `IndexAbsent`, `IndexMismatch`, and `CoverageBehind` where it lacks a source that is searchable now.
        """
        reader = await self._reader(served)
        there = await asyncio.to_thread(segments_of, self._store, served.model_id, served.dataset_id)
        if len(there) != len(reader.collection.segments):
            reader = await asyncio.to_thread(self._open, served)
            self._keep(served, reader)
        former = self._readers.get(self._leader) if self._leader and self._leader != served else None
        if former is not None:
            before, after = former.collection.sources, reader.collection.sources
            change = Change("articles", served.model_id, served.dataset_id, before, after)
            await asyncio.to_thread(change.check, self._store)

    async def lead(self, served: Served) -> None:
        """Answer from this collection where a question names none."""
        self._leader = served

    @carried
    async def read(self, ask: Ask[T], served: Served | None) -> T:
        """``ask`` on the collection of ``served``, or of the champion. Raises what ``ask`` raises, `NoChampion`."""
        wanted = served or self._leader
        if wanted is None:
            raise NoChampion
        reader = await self._reader(wanted)
        return await asyncio.to_thread(lambda: ask(self._withholding.apply(reader)))

    async def _reader(self, served: Served) -> Reader:
        """The open collection; opened by the first who asks while the others wait for it."""
        if served not in self._readers:
            task = self._opening.get(served)
            if task is None:
                task = self._opening[served] = asyncio.create_task(asyncio.to_thread(self._open, served))
                task.add_done_callback(lambda _: self._opening.pop(served, None))
            self._keep(served, await task)
        return self._readers[served]

    def _keep(self, served: Served, reader: Reader) -> None:
        self._readers[served] = reader
        self._readers.move_to_end(served)
        idle = [each for each in self._readers if each not in (served, self._leader)]
        for old in idle[: max(0, len(self._readers) - _KEPT)]:
            del self._readers[old]

    def _open(self, served: Served) -> Reader:
        collection = Collection.open(self._store, self._cache / "indexes", served.model_id, served.dataset_id)
        return Reader.of(collection, served.version)
