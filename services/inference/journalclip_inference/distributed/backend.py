"""The API's `Backend` over replicas: what would only wait is refused here, before it travels."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from journalclip_inference.backend import Ask, Classified, Encoded, Status
from journalclip_inference.classify import PROMPTS
from journalclip_inference.distributed.fleet import Encoders, Indexes
from journalclip_inference.errors import NoChampion, Overloaded
from journalclip_inference.hits import Served
from journalclip_inference.reader import Reader
from journalclip_inference.snapshot import Query

T = TypeVar("T")
_MEMORY = 0.9  # weight of the past in the running mean of seconds between two answers


class Gate:
    """So many at once; one more is told when it is worth trying again."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pace_s = 0.01
        self._last = 0.0
        self.inside = 0

    async def through(self, count: int, work: Callable[[], Awaitable[T]]) -> T:
        """``work``, which is ``count`` items of it. Raises `Overloaded`."""
        if self.inside and self.inside + count > self._limit:
            raise Overloaded(max(1, math.ceil(self.inside * self._pace_s)))
        self.inside += count
        try:
            return await work()
        finally:
            self.inside -= count
            self._note(count)

    def _note(self, count: int) -> None:
        now = time.monotonic()
        if self.inside:  # where nothing waits, the time between two answers says how few ask, not how quick we are
            self._pace_s = _MEMORY * self._pace_s + (1 - _MEMORY) * (now - self._last) / count
        self._last = now


class RemoteBackend:
    """Encoders and indexes in other processes."""

    def __init__(
        self, encoders: Encoders, indexes: Indexes, max_waiting: int, problem: Callable[[], Awaitable[str]]
    ) -> None:
        self._encoders = encoders
        self._indexes = indexes
        self._problem = problem
        self._gate = Gate(max_waiting)

    async def status(self) -> Status:
        """Of the encoder that this question reaches. Raises `TransientError` where no replica answers."""
        problem = await self._problem()
        try:
            served = await self._indexes.read(_served, None)
        except NoChampion as error:
            return Status(None, self._gate.inside, problem or str(error))
        return Status(served, self._gate.inside, problem)

    async def encode(self, queries: Sequence[Query]) -> list[Encoded]:
        return await self._gate.through(len(queries), lambda: self._encoders.encode(queries))

    async def classify(self, query: Query, labels: Sequence[str], prompts: Sequence[str] = PROMPTS) -> Classified:
        return await self._gate.through(1, lambda: self._encoders.classify(query, labels, prompts))

    async def read(self, ask: Ask[T], encoded: Encoded | None = None) -> T:
        return await self._indexes.read(ask, encoded.served if encoded else None)


def _served(reader: Reader) -> Served:
    return reader.served
