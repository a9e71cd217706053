"""Queries from many callers, encoded together: the larger the batch, the less each one costs.

One batch runs at a time. While it runs, what arrives waits and becomes the next batch, so batches grow with the
load and a lone query waits no longer than ``wait_s``. Only so many may wait: one more is refused at once, with the time
after which it is worth trying again, because an answer that comes too late is work for nothing.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from journalclip_inference.errors import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")
_MEMORY = 0.8  # weight of the past in the running mean of seconds an item takes


@dataclass(frozen=True)
class BatchLimits:
    """How large, how patient, how full."""

    max_batch: int = 32
    wait_s: float = 0.002
    max_waiting: int = 256


class Batcher(Generic[Item, Result]):
    """Collects items into batches for ``run``, which is called in a thread of its own."""

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Result]], limits: BatchLimits) -> None:
        self._run = run
        self._limits = limits
        self._queue: asyncio.Queue[tuple[Item, asyncio.Future[Result]]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._worker: asyncio.Task[None] | None = None
        self._item_s = 0.01
        self.sizes: list[int] = []  # of recent batches, for the metrics

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def submit(self, item: Item) -> Result:
        """The item's result. Raises `Overloaded`, and whatever ``run`` raised for its batch."""
        if self._queue.qsize() >= self._limits.max_waiting:
            raise Overloaded(max(1, math.ceil(self._queue.qsize() * self._item_s)))
        loop = asyncio.get_running_loop()
        if self._worker is None or self._worker.done() or self._worker.get_loop() is not loop:
            self._queue = asyncio.Queue()  # a queue and its worker belong to one loop
            self._worker = loop.create_task(self._work())
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put_nowait((item, future))
        return await future

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            await self._fill(batch)
            wanted = [(item, future) for item, future in batch if not future.done()]  # callers may have gone
            if wanted:
                started = time.monotonic()
                done = loop.run_in_executor(self._thread, self._run, [item for item, _ in wanted])
                await _settle(done, [future for _, future in wanted])
                self._note(len(wanted), time.monotonic() - started)

    async def _fill(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        deadline = time.monotonic() + self._limits.wait_s
        while len(batch) < self._limits.max_batch:
            while not self._queue.empty() and len(batch) < self._limits.max_batch:
                batch.append(self._queue.get_nowait())
            left = deadline - time.monotonic()
            if left <= 0 or len(batch) >= self._limits.max_batch:
                return
            try:
                batch.append(await asyncio.wait_for(self._queue.get(), left))
            except TimeoutError:
                return

    def _note(self, size: int, seconds: float) -> None:
        self._item_s = _MEMORY * self._item_s + (1 - _MEMORY) * seconds / size
        self.sizes = [*self.sizes[-99:], size]


async def _settle(done: asyncio.Future[Sequence[Result]], futures: Sequence[asyncio.Future[Result]]) -> None:
    # The batch's error belongs to its callers, not to the worker: `gather` hands it over without raising here.
    (outcome,) = await asyncio.gather(done, return_exceptions=True)
    if isinstance(outcome, BaseException):
        for future in futures:
            if not future.done():
                future.set_exception(outcome)
        return
    for future, result in zip(futures, outcome, strict=True):
        if not future.done():
            future.set_result(result)
