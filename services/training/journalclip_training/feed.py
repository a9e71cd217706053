"""Batches ahead of need: the next ones are read and decoded while the device works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from journalclip_training.batches import Indices, Order
from journalclip_training.pictures import Pictures
from journalclip_training.step import Batch

AHEAD = 2  # batches in flight: one being copied, one being decoded
T = TypeVar("T")


def read_ahead(read: Callable[[int], T], start: int, stop: int) -> Iterator[tuple[int, T]]:
    """``(step, read(step))`` for each step; the next ones are read in a thread while the caller works."""
    with ThreadPoolExecutor(1, thread_name_prefix="feed") as pool:
        ahead: deque[tuple[int, Future[T]]] = deque()
        for step in range(start, stop):
            ahead.append((step, pool.submit(read, step)))
            if len(ahead) > AHEAD:
                done, future = ahead.popleft()
                yield done, future.result()
        while ahead:
            done, future = ahead.popleft()
            yield done, future.result()


def pinned(x: Tensor, device: torch.device) -> Tensor:
    """In page-locked memory where ``device`` is a GPU, so that its copy does not wait."""
    return x.pin_memory() if device.type == "cuda" else x


class Texts(Protocol):
    """Indexable texts as the text tower takes them."""

    @property
    def share_cut(self) -> float:
        """Of all tokens, those that no text tower sees, 0 to 1."""
        ...

    def batch(self, indices: Indices) -> Tensor: ...


@dataclass(frozen=True)
class Feed:
    """The run's batches for one rank, from any step on."""

    pictures: Pictures
    tokens: tuple[Texts, ...]  # of epoch 0, 1, ..., in turns
    order: Order
    patches: int  # uniform numbers a pair needs for patch dropout; 0 for none
    device: torch.device
    rank: int = 0
    world: int = 1

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, Batch]]:
        """``(step, batch)`` for each step from ``start`` to ``stop``."""
        for step, batch in read_ahead(self._read, start, stop):
            yield step, self._to_device(batch)

    def _read(self, step: int) -> Batch:
        indices = self.order.at(step)[self._mine]
        ids = self.tokens[self.order.epoch(step) % len(self.tokens)].batch(indices)
        read = self.pictures.batch(indices), ids, self._chance(step)
        return Batch(*(pinned(each, self.device) for each in read))

    def _chance(self, step: int) -> Tensor:
        """Uniform numbers of this rank's pairs; drawn for the whole batch, so they do not depend on the ranks."""
        generator = np.random.default_rng((self.order.seed, step))
        drawn = generator.random((self.order.size, 8 + self.patches), np.float32)
        return torch.from_numpy(drawn[self._mine])

    @property
    def _mine(self) -> slice:
        return self.order.share(self.rank, self.world)

    def _to_device(self, batch: Batch) -> Batch:
        return Batch(*(x.to(self.device, non_blocking=True) for x in (batch.pixels, batch.ids, batch.chance)))
