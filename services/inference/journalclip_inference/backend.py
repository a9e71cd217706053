"""Where answers come from: an encoder and an index, in this process or as Ray deployments, behind one interface.

`encode` says which model made the vector, and `read` answers from the collection of that very model. In one process
both come from one snapshot; across processes the index keeps more than one generation for as long as a swap takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from anyio import to_thread

from journalclip_inference.batching import Batcher, BatchLimits
from journalclip_inference.classify import PROMPTS, label_vectors
from journalclip_inference.errors import NoChampion, QueryInvalid
from journalclip_inference.hits import Served
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.reader import Reader
from journalclip_inference.reload import CurrentSnapshot
from journalclip_inference.search.query import cleaned
from journalclip_inference.snapshot import Query, Snapshot, beyond_context, embed_queries
from journalclip_modeling.encoder import Encoder

T = TypeVar("T")
Ask = Callable[[Reader], T]


@dataclass(frozen=True)
class Encoded:
    """A query's unit vector [D] and whose it is. ``cut``: the model read only the beginning of its text."""

    served: Served
    vector: Vectors
    reader: Reader | None = None  # the very collection to ask, where it is in this process
    cut: bool = False


@dataclass(frozen=True)
class Status:
    """What is in service (None: nothing yet), how many queries wait for the encoder, and what hinders a reload."""

    served: Served | None
    waiting: int = 0
    problem: str = ""

    @property
    def empty(self) -> bool:
        """Nothing is served since nothing was ever promoted. By its words: that is what travels between processes."""
        return self.served is None and self.problem == NoChampion.SAID


@dataclass(frozen=True)
class Classified:
    """One probability a label."""

    served: Served
    probabilities: tuple[float, ...]


class Backend(Protocol):
    """What the API needs."""

    async def status(self) -> Status: ...

    async def encode(self, queries: Sequence[Query]) -> list[Encoded]:
        """One a query, in order; a swap may come between two. Raises `Overloaded`, `NoChampion`."""
        ...

    async def classify(self, query: Query, labels: Sequence[str], prompts: Sequence[str]) -> Classified: ...

    async def read(self, ask: Ask[T], encoded: Encoded | None = None) -> T:
        """``ask`` on the collection of the model that encoded, or of the champion. Raises what ``ask`` raises."""
        ...


class LocalBackend:
    """Encoder and index in this process; ``problem`` says what hinders a reload."""

    def __init__(
        self,
        holder: CurrentSnapshot,
        limits: BatchLimits,
        problem: Callable[[], str] = lambda: "",
        shown: Callable[[Reader], Reader] = lambda reader: reader,
    ) -> None:
        self._holder = holder
        self._shown = shown  # without what readers may not see
        self._problem = problem
        self.batcher: Batcher[Query, Encoded] = Batcher(self._encode, limits)

    async def status(self) -> Status:
        served = self._holder.take().served if self._holder.ready else None
        return Status(served, self.batcher.waiting, self._problem())

    async def encode(self, queries: Sequence[Query]) -> list[Encoded]:
        return list(await asyncio.gather(*(self.batcher.submit(query) for query in queries)))

    async def classify(self, query: Query, labels: Sequence[str], prompts: Sequence[str] = PROMPTS) -> Classified:
        snapshot = self._holder.take()
        return await to_thread.run_sync(_classify, snapshot, query, labels, prompts)

    async def read(self, ask: Ask[T], encoded: Encoded | None = None) -> T:
        reader = encoded.reader if encoded is not None and encoded.reader is not None else self._holder.take().reader
        return await to_thread.run_sync(lambda: ask(self._shown(reader)))

    def _encode(self, queries: Sequence[Query]) -> list[Encoded]:
        snapshot = self._holder.take()
        return encoded_by(snapshot.served, snapshot.encoder, queries, snapshot.reader)


def encoded_by(
    served: Served, encoder: Encoder, queries: Sequence[Query], reader: Reader | None = None
) -> list[Encoded]:
    """One a query, by one pass of each tower."""
    cut = beyond_context(encoder, [cleaned(query.text or "") for query in queries])
    vectors = embed_queries(encoder, queries)
    return [Encoded(served, vector, reader, each) for vector, each in zip(vectors, cut, strict=True)]


def _classify(snapshot: Snapshot, query: Query, labels: Sequence[str], prompts: Sequence[str]) -> Classified:
    return Classified(snapshot.served, shares(snapshot.encoder, query, labels, prompts))


def shares(encoder: Encoder, query: Query, labels: Sequence[str], prompts: Sequence[str]) -> tuple[float, ...]:
    """One chance a label by the model's own objective: summing to one for a softmax, each by itself for a sigmoid.

    Raises `QueryInvalid` for a label that the model cannot read whole.
    """
    asked = [prompt.replace("{}", cleaned(label)) for label in labels for prompt in prompts]
    if any(cut := beyond_context(encoder, asked)):
        reason = f"{asked[cut.index(True)][:60]!r} is longer than the model reads"
        raise QueryInvalid(reason, "Shorten the label or the prompt.")
    image = embed_queries(encoder, [query])[0]
    found = encoder.chances(image[None], label_vectors(encoder, labels, prompts))[0]
    return tuple(float(value) for value in found)
