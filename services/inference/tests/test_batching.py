from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from journalclip_inference.batching import Batcher, BatchLimits
from journalclip_inference.errors import Overloaded


def test_what_waits_becomes_the_next_batch_and_each_gets_its_own_answer() -> None:
    batches: list[int] = []
    gate = threading.Event()

    def double(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        gate.wait(10)
        return [2 * item for item in items]

    async def main() -> list[int]:
        batcher = Batcher(double, BatchLimits(max_batch=8, wait_s=0))
        first = asyncio.create_task(batcher.submit(0))
        while not batches:
            await asyncio.sleep(0.001)
        rest = [asyncio.create_task(batcher.submit(n)) for n in range(1, 11)]
        await asyncio.sleep(0.01)
        gate.set()
        found = list(await asyncio.gather(first, *rest))
        await batcher.close()
        return found

    assert asyncio.run(main()) == [2 * n for n in range(11)]
    assert batches == [1, 8, 2]


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    gate = threading.Event()

    def slow(items: Sequence[int]) -> list[int]:
        gate.wait(10)
        return list(items)

    async def main() -> int:
        batcher = Batcher(slow, BatchLimits(max_batch=1, wait_s=0, max_waiting=3))
        tasks = [asyncio.create_task(batcher.submit(0))]
        await asyncio.sleep(0.05)  # it runs; the next three wait
        tasks += [asyncio.create_task(batcher.submit(n)) for n in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded) as refused:
            await batcher.submit(9)
        gate.set()
        await asyncio.gather(*tasks)
        await batcher.close()
        return refused.value.retry_after_s

    assert asyncio.run(main()) >= 1


def test_an_error_reaches_its_batch_and_only_that() -> None:
    def fussy(items: Sequence[int]) -> list[int]:
        if -1 in items:
            raise ValueError("negative")
        return list(items)

    async def main() -> None:
        batcher = Batcher(fussy, BatchLimits(max_batch=1, wait_s=0))
        with pytest.raises(ValueError, match="negative"):
            await batcher.submit(-1)
        assert await batcher.submit(5) == 5
        await batcher.close()

    asyncio.run(main())


def test_a_caller_who_left_costs_no_work() -> None:
    seen: list[int] = []
    gate = threading.Event()

    def run(items: Sequence[int]) -> list[int]:
        seen.extend(items)
        gate.wait(10)
        return list(items)

    async def main() -> None:
        batcher = Batcher(run, BatchLimits(max_batch=1, wait_s=0))
        first = asyncio.create_task(batcher.submit(1))
        while not seen:
            await asyncio.sleep(0.001)
        gone = asyncio.create_task(batcher.submit(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        gate.set()
        await first
        assert await batcher.submit(3) == 3
        await batcher.close()

    asyncio.run(main())
    assert seen == [1, 3]
