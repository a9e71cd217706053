"""When a dataset version is due, and what happens when a freezer dies or meets another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from journalclip_devtools.faults.chain import STAGES, Chain
from journalclip_freezing.handler import Freezer, FreezeRule, FreezingHandler
from journalclip_intake.articles import submit
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import TransientError
from journalclip_shared.events import (
    PairsStructured,
)
from journalclip_shared.history import facts_of
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


def new_chain() -> Chain:
    return Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2))


def structured(chain: Chain, tmp_path: Path, *numbers: int) -> list[PairsStructured]:
    for number in numbers:
        submit(chain.store, chain.bus, chain.drop(tmp_path, number))
    for stage in STAGES[:2]:
        Loop(chain.bus, chain.handler(stage), QUICK).drain()
    return list(facts_of(chain.bus, PairsStructured))


def freezer_of(chain: Chain, rule: FreezeRule, clock: Callable[[], float] = lambda: 0.0) -> Freezer:
    return Freezer(chain.store, rule, list, chain.freezer().layout, clock)


def test_enough_new_pairs_make_a_dataset_and_too_few_do_not(tmp_path: Path) -> None:
    chain = new_chain()
    one, two, three = structured(chain, tmp_path, 1, 2, 3)  # two pairs each
    freezer = freezer_of(chain, FreezeRule(new_pairs=4))
    assert freezer.add(one) == []
    assert freezer.add(one) == [], "a second delivery counts nothing"
    (first,) = freezer.add(two)
    assert first.pairs == 4
    assert freezer.add(three) == []
    assert freezer.flush()[0].pairs == 6
    assert freezer.flush() == []


def test_time_makes_a_dataset_too(tmp_path: Path) -> None:
    chain = new_chain()
    (one,) = structured(chain, tmp_path, 1)
    now = [0.0]
    freezer = freezer_of(chain, FreezeRule(new_pairs=0, every_s=60.0), lambda: now[0])
    assert freezer.tick() == []
    now[0] = 1000.0
    assert freezer.add(one) == [], "the clock starts with the first new pair"
    now[0] = 1061.0
    assert freezer.tick()[0].pairs == 2
    assert freezer.tick() == []


def test_a_freeze_that_died_before_its_event_is_announced_after_the_restart(tmp_path: Path) -> None:
    chain = new_chain()
    (one,) = structured(chain, tmp_path, 1)
    lost = freezer_of(chain, FreezeRule(new_pairs=1)).add(one)
    again = chain.freezer()
    assert again.add(one) == lost
    assert again.add(one) == []


def test_of_two_freezers_one_wins_and_the_other_looks_again(tmp_path: Path) -> None:
    chain = new_chain()
    one, two = structured(chain, tmp_path, 1, 2)
    left, right = freezer_of(chain, FreezeRule(new_pairs=1)), freezer_of(chain, FreezeRule(new_pairs=1))
    left.add(one)
    with pytest.raises(TransientError, match="another freezer"):
        right.add(two)
    assert [fact.pairs for fact in right.add(two)] == [2, 4]


def test_articles_without_pairs_freeze_nothing() -> None:
    chain = new_chain()
    assert FreezingHandler(chain.freezer()).group == "freezing-articles"
    assert chain.freezer().flush() == []
