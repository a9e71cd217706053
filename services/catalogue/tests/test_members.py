"""Which datasets hold a pair: spans of places, whatever order datasets are announced in."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.members import displace
from journalclip_catalogue.migrate import upgrade
from journalclip_shared import failpoints, names
from journalclip_shared.bus import Delivery
from journalclip_shared.catalogue.engine import open_engine, sqlite_url
from journalclip_shared.catalogue.finding import CatalogueFinder
from journalclip_shared.catalogue.tables import DATASET, MEMBER
from journalclip_shared.events import DatasetFrozen, Event, encode
from journalclip_shared.failpoints import SimulatedCrash
from journalclip_shared.finding import Held
from journalclip_shared.ids import Json, canonical_json
from journalclip_shared.testing.memory import MemoryArtifacts

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PAIRS = [f"pair_{number}" for number in range(20)]
Said = dict[str, dict[str, str]]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = open_engine(sqlite_url(tmp_path / "catalogue.db"))
    upgrade(made)
    return made


def history(store: MemoryArtifacts, rng: random.Random) -> tuple[Said, list[Event]]:
    """Datasets that grow, lose pairs, and now and then move one to another side; the fifth has no list of members."""
    held: dict[str, str] = {}
    said, events = Said(), []
    for number in range(8):
        for pair in rng.sample(PAIRS, 5):
            held[pair] = rng.choice(["train", "train", "test"])
        for pair in rng.sample(sorted(held), 2):
            del held[pair]
        dataset = f"ds_{number}"
        splits: dict[str, Json] = {split: [pair for pair in held if held[pair] == split] for split in ("train", "test")}
        manifest = store.put_manifest("datasets", names.frozen(dataset), dataset.encode())
        if number != 5:
            store.put_manifest("datasets", names.members(dataset), canonical_json(splits))
            said[dataset] = dict(held)
        fact = DatasetFrozen(dataset_id=dataset, manifest=manifest, pairs=len(held), kind="articles")
        events.append(Event(fact, "test", BEGAN + timedelta(hours=number)))
    return said, events


def project(projector: Projector, events: list[Event], offset: int = 0) -> None:
    for number, event in enumerate(events):
        headers, body = encode(event)
        projector.project([Delivery(event.topic, 0, offset + number, event.key, headers, body)])


def rows(engine: Engine) -> list[list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return [sorted(tuple(row) for row in connection.execute(select(table))) for table in (DATASET, MEMBER)]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_death_answers_what_the_datasets_say(engine: Engine, tmp_path: Path, seed: int) -> None:
    rng, store = random.Random(seed), MemoryArtifacts()
    said, events = history(store, rng)
    later = [Event(each.fact, "again", each.time + timedelta(days=1)) for each in rng.sample(events, 3)]
    shuffled = rng.sample(events + later, len(events) + len(later))
    projector = Projector(engine, store)
    for at in range(0, len(shuffled), 3):
        project(projector, shuffled[at : at + 3], at)
        failpoints.arm(rng.choice(["", "catalogue.before-member-end=crash"]))
        try:
            projector.settle()
        except SimulatedCrash:
            pass
        finally:
            failpoints.arm("")
    projector.settle()
    for pair in PAIRS:
        wanted = [(dataset, held[pair]) for dataset, held in said.items() if pair in held]
        assert CatalogueFinder(engine).datasets(pair) == Held(wanted)
    undisturbed = open_engine(sqlite_url(tmp_path / "undisturbed.db"))
    upgrade(undisturbed)
    straight = Projector(undisturbed, store)
    project(straight, events)
    straight.settle()
    assert rows(engine) == rows(undisturbed)


def settle_again(engine: Engine, projector: Projector, beats: list[int]) -> None:
    """All places made anew."""
    with engine.begin() as connection:
        displace(connection, "articles")
    projector.settle(lambda: beats.append(1))


def test_a_dataset_writes_what_it_changes_and_no_more(engine: Engine) -> None:
    store = MemoryArtifacts()
    projector = Projector(engine, store)
    for number, count in enumerate((100, 101, 102)):
        dataset = f"ds_{number}"
        manifest = store.put_manifest("datasets", names.frozen(dataset), dataset.encode())
        members: dict[str, Json] = {"train": [f"pair_{each}" for each in range(count)]}
        store.put_manifest("datasets", names.members(dataset), canonical_json(members))
        fact = DatasetFrozen(dataset_id=dataset, manifest=manifest, pairs=count, kind="articles")
        project(projector, [Event(fact, "test", BEGAN + timedelta(hours=number))], number)
        projector.settle()
    beats = list[int]()
    settle_again(engine, projector, beats)
    assert len(beats) == 3, "one after each dataset, so that a long way to catch up is not taken for a death"
    assert len(rows(engine)[1]) == 102, "one row a pair, however many datasets hold it"
