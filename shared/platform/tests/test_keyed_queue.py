"""Whatever the interleaving: one key in order and one at a time, and no commit past open work."""

from __future__ import annotations

import random
import threading

from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.bus import Delivery
from journalclip_shared.keyed_queue import InFlight, KeyedQueue


def deliver(offset: int, key: str, partition: int = 0) -> Delivery:
    return Delivery("t", partition, offset, key, (), b"")


@given(
    keys=st.lists(st.sampled_from("abcd"), min_size=1, max_size=40),
    workers=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_order_by_key_and_prefix_by_partition_under_any_interleaving(keys: list[str], workers: int, seed: int) -> None:
    rng = random.Random(seed)
    lanes = KeyedQueue(workers)
    waiting = [deliver(offset, key, partition=ord(key) % 2) for offset, key in enumerate(keys)]
    handled: list[Delivery] = []
    committed: dict[int, int] = {}
    busy: list[list[InFlight]] = []
    while len(handled) < len(keys):
        step = rng.randrange(3)
        if step == 0 and waiting:
            count = rng.randint(1, len(waiting))
            lanes.put(waiting[:count])
            del waiting[:count]
        elif step == 1 and lanes._ready and len(busy) < workers:
            taken = lanes.take()
            in_work = {held.delivery.key for other in busy for held in other}
            assert not in_work & {held.delivery.key for held in taken}, "two threads hold one key"
            busy.append(taken)
        elif step == 2 and busy:
            taken = busy.pop(rng.randrange(len(busy)))
            handled += [held.delivery for held in taken]
            lanes.done(taken)
            lanes.release(taken)
            for last in lanes.committable():
                assert last.offset > committed.get(last.partition, -1)
                committed[last.partition] = last.offset
                open_offsets = {each.offset for each in waiting if each.partition == last.partition}
                open_offsets |= {h.delivery.offset for b in busy for h in b if h.delivery.partition == last.partition}
                done = {each.offset for each in handled}
                assert all(o in done for o in range(last.offset + 1) if ord(keys[o]) % 2 == last.partition)
                assert not any(offset < last.offset for offset in open_offsets)
    for key in "abcd":
        assert [each.offset for each in handled if each.key == key] == [o for o, k in enumerate(keys) if k == key]
    assert len(lanes) == 0
    assert committed == {p: max(o for o, k in enumerate(keys) if ord(k) % 2 == p) for p in {ord(k) % 2 for k in keys}}


def test_a_delivery_that_came_twice_is_two_pieces_of_work() -> None:
    lanes = KeyedQueue(1)
    lanes.put([deliver(5, "a"), deliver(6, "b"), deliver(5, "a"), deliver(6, "b")])
    first, second = lanes.take(), lanes.take()
    lanes.done(first[:1])
    assert [each.offset for each in lanes.committable()] == [5]
    lanes.done([*first[1:], *second])
    assert [each.offset for each in lanes.committable()] == [6]
    assert lanes.committable() == []


def test_a_long_queue_is_taken_in_bulk_and_a_short_one_piece_by_piece() -> None:
    lanes = KeyedQueue(2)
    lanes.put([deliver(n, str(n)) for n in range(100)])
    assert len(lanes.take()) == 25
    short = KeyedQueue(2)
    short.put([deliver(n, str(n)) for n in range(3)])
    assert len(short.take()) == 1


def test_closing_wakes_a_waiting_thread_empty_handed() -> None:
    lanes = KeyedQueue(1)
    taken: list[list[InFlight]] = []
    thread = threading.Thread(target=lambda: taken.append(lanes.take()))
    thread.start()
    lanes.close()
    thread.join(10)
    assert taken == [[]]
    assert lanes.closed
    lanes.put([deliver(1, "a")])
    lanes.wait(60)  # closed: returns at once
    assert lanes.take() == []
