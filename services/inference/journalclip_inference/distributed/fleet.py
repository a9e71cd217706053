"""Replicas as their callers see them: one of them answers a request, all of them take an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from journalclip_inference.backend import Ask, Classified, Encoded
from journalclip_inference.distributed.outcome import Outcome
from journalclip_inference.hits import Served
from journalclip_inference.snapshot import Query
from journalclip_shared.registry import ModelVersion

T = TypeVar("T")


class Calls(Protocol):
    """How a method of a replica is called from another process.

    Both raise `TransientError` where no replica can be reached.
    """

    async def one(self, method: str, *args: object) -> object:
        """By whichever replica has the least to do."""
        ...

    async def all(self, method: str, *args: object) -> list[object]:
        """By every running replica; one answer each, in no order."""
        ...


@dataclass(frozen=True)
class Encoders:
    """All `EncoderReplica` of a server."""

    calls: Calls

    async def encode(self, queries: Sequence[Query]) -> list[Encoded]:
        return cast(Outcome[list[Encoded]], await self.calls.one("encode", queries)).get()

    async def classify(self, query: Query, labels: Sequence[str], prompts: Sequence[str]) -> Classified:
        return cast(Outcome[Classified], await self.calls.one("classify", query, labels, prompts)).get()

    async def at(self) -> list[Served | None]:
        return cast(list[Served | None], await self.calls.all("at"))

    async def prepare(self, version: ModelVersion) -> None:
        """Raises the first error that a replica has."""
        for outcome in await self.calls.all("prepare", version):
            cast(Outcome[Served], outcome).get()

    async def switch(self, served: Served) -> bool:
        """True where every replica has it in service now."""
        return all(await self.calls.all("switch", served))


@dataclass(frozen=True)
class Indexes:
    """All `IndexReplica` of a server."""

    calls: Calls

    async def read(self, ask: Ask[T], served: Served | None) -> T:
        return cast(Outcome[T], await self.calls.one("read", ask, served)).get()

    async def at(self) -> list[tuple[Served | None, int]]:
        return cast(list[tuple[Served | None, int]], await self.calls.all("at"))

    async def prepare(self, served: Served) -> None:
        """Raises the first error that a replica has."""
        for outcome in await self.calls.all("prepare", served):
            cast(Outcome[None], outcome).get()

    async def lead(self, served: Served) -> None:
        await self.calls.all("lead", served)
