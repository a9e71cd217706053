"""The server as replicas, without Ray: `InProcess` calls them here, and fails as often as a test wants it to."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from journalclip_devtools.doubles.collection import World
from journalclip_inference.batching import BatchLimits
from journalclip_inference.distributed.backend import Gate, RemoteBackend
from journalclip_inference.distributed.encoder import EncoderReplica
from journalclip_inference.distributed.fleet import Encoders, Indexes
from journalclip_inference.distributed.index import IndexReplica
from journalclip_inference.distributed.rollout import Conductor
from journalclip_inference.engine import SearchEngine
from journalclip_inference.errors import IndexAbsent, NoChampion, NotFound, Overloaded
from journalclip_inference.hits import Answer
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.reader import Reader
from journalclip_inference.search.asking import Asked
from journalclip_inference.snapshot import Query
from journalclip_shared.errors import JournalclipError, PermanentError, TransientError
from journalclip_shared.registry import ModelVersion

QUERY = "axial CT showing subdural haematoma"
Method = Callable[..., Awaitable[object]]


@dataclass
class InProcess:
    """`Calls` of replicas in this process, in turn; ``broken`` methods fail that many times more."""

    replicas: list[object]
    broken: Counter[str] = field(default_factory=Counter)
    asked: int = 0

    async def one(self, method: str, *args: object) -> object:
        self._fail(method)
        self.asked += 1
        return await self._method(self.replicas[self.asked % len(self.replicas)], method)(*args)

    async def all(self, method: str, *args: object) -> list[object]:
        self._fail(method)
        return list(await asyncio.gather(*(self._method(each, method)(*args) for each in self.replicas)))

    def _method(self, replica: object, method: str) -> Method:
        return cast(Method, getattr(replica, method))

    def _fail(self, method: str) -> None:
        if self.broken[method] > 0:
            self.broken[method] -= 1
            raise TransientError(f"{method}: no replica answers")


@dataclass
class Fleet:
    """Two encoders, two indexes, their conductor, and the backend that the API would ask."""

    encoders: InProcess
    indexes: InProcess
    conductor: Conductor
    backend: RemoteBackend


def fleet_of(world: World, cache: Path) -> Fleet:
    encoders = [EncoderReplica(world.store, cache, BatchLimits()) for _ in range(2)]
    indexes = [IndexReplica(world.store, cache) for _ in range(2)]
    for encoder, index in zip(encoders, indexes, strict=True):
        encoder.start(world.registry)
        index.start(world.registry)
    to_encoders, to_indexes = InProcess([*encoders]), InProcess([*indexes])
    fleet = Encoders(to_encoders), Indexes(to_indexes)
    conductor = Conductor(world.store, world.registry, *fleet)
    return Fleet(to_encoders, to_indexes, conductor, RemoteBackend(*fleet, 256, conductor.problem))


def nearest(reader: Reader, vector: Vectors) -> Answer:
    return reader.search(Asked(QUERY, vector, 5))


async def ask(fleet: Fleet) -> Answer:
    (encoded,) = await fleet.backend.encode([Query(QUERY)])
    return await fleet.backend.read(partial(nearest, vector=encoded.vector), encoded)


def expected(world: World, versions: Sequence[ModelVersion], cache: Path) -> dict[str, Answer]:
    """What each model alone answers; the last version stays champion."""
    found = {}
    for version in versions:
        world.promote(version, cache)
        answer = SearchEngine.open(world.store, world.registry, cache).answer(QUERY, k=5)
        found[answer.served.model_id] = answer
    return found


def same(answer: Answer, alone: Answer) -> bool:
    ours, theirs = ([hit.score for hit in each.hits] for each in (answer, alone))
    return (
        answer.served == alone.served
        and [hit.pair_id for hit in answer.hits] == [hit.pair_id for hit in alone.hits]
        and np.allclose(ours, theirs, atol=1e-4)
    )


def test_replicas_answer_as_one_process_does(served_world: World, engine: SearchEngine, tmp_path: Path) -> None:
    async def main() -> None:
        fleet = fleet_of(served_world, tmp_path)
        assert same(await ask(fleet), engine.answer(QUERY, k=5))
        status = await fleet.backend.status()
        assert (status.served, status.waiting, status.problem) == (engine.snapshot.served, 0, "")
        found = await fleet.backend.classify(Query("axial CT"), ["glioma", "infarct"])
        assert sum(found.probabilities) == pytest.approx(1, abs=1e-5)
        assert not await fleet.conductor.check()  # all are where they should be

    asyncio.run(main())


def test_no_answer_is_mixed_while_champions_change(world: World, tmp_path: Path) -> None:
    versions = [world.add_model(seed=1), world.add_model(seed=2)]
    alone = expected(world, versions, tmp_path)
    answers: list[Answer] = []

    async def keep_asking(fleet: Fleet, stop: asyncio.Event) -> None:
        while not stop.is_set():
            answers.append(await ask(fleet))

    async def main() -> None:
        fleet, stop = fleet_of(world, tmp_path), asyncio.Event()
        askers = [asyncio.create_task(keep_asking(fleet, stop)) for _ in range(4)]
        for change in range(4):
            seen = len(answers)
            while len(answers) < seen + 8:
                await asyncio.sleep(0)
            world.registry.set_alias("champion", versions[change % 2].version)
            assert await fleet.conductor.check()
        stop.set()
        await asyncio.gather(*askers)

    asyncio.run(main())
    assert all(same(answer, alone[answer.served.model_id]) for answer in answers)
    assert len({answer.served.model_id for answer in answers}) == 2


def test_a_conductor_that_fails_between_two_steps_is_taken_up_where_it_stopped(world: World, tmp_path: Path) -> None:
    versions = [world.add_model(seed=1), world.add_model(seed=2)]
    alone = expected(world, versions, tmp_path)

    async def main() -> None:
        fleet = fleet_of(world, tmp_path)
        for change, (calls, step) in enumerate(
            [
                (fleet.indexes, "prepare"),
                (fleet.encoders, "prepare"),
                (fleet.encoders, "switch"),
                (fleet.indexes, "lead"),
            ]
        ):
            wanted = versions[change % 2]
            world.registry.set_alias("champion", wanted.version)
            calls.broken[step] = 1
            assert not await fleet.conductor.check()
            assert step in await fleet.conductor.problem()
            answer = await ask(fleet)  # still one model's, whichever it is
            assert same(answer, alone[answer.served.model_id])
            assert await fleet.conductor.check()
            assert await fleet.conductor.problem() == ""
            assert (await ask(fleet)).served.version == wanted.version

    asyncio.run(main())


def test_a_replica_that_came_up_meanwhile_is_brought_along(world: World, tmp_path: Path) -> None:
    versions = [world.add_model(seed=1), world.add_model(seed=2)]
    expected(world, versions, tmp_path)

    async def main() -> None:
        world.registry.set_alias("champion", versions[0].version)
        fleet = fleet_of(world, tmp_path)
        late = EncoderReplica(world.store, tmp_path, BatchLimits())
        late.start(world.registry)
        world.registry.set_alias("champion", versions[1].version)
        assert await fleet.conductor.check()
        fleet.encoders.replicas.append(late)
        assert await fleet.conductor.check()
        assert {each.version for each in await Encoders(fleet.encoders).at() if each} == {versions[1].version}

    asyncio.run(main())


def test_later_articles_reach_every_index(world: World, tmp_path: Path) -> None:
    from journalclip_inference.handler import FigureIndexer, SegmentHandler
    from journalclip_shared.events import Event, PairsStructured

    world.promote(world.add_model(seed=1), tmp_path)

    async def main() -> None:
        fleet = fleet_of(world, tmp_path)
        late = world.add_article(200)
        ref = world.store.find_manifest("figures", f"structured/test-1/test-1/{late.article_id}")
        assert ref is not None
        event = Event(PairsStructured(article_id=late.article_id, document=ref, pairs=3), "test")
        SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion).handle(event)
        assert await fleet.conductor.check()
        assert {segments for _, segments in await Indexes(fleet.indexes).at()} == {1}

    asyncio.run(main())


def test_replicas_without_a_champion_wait_for_one(world: World, tmp_path: Path) -> None:
    async def main() -> None:
        fleet = fleet_of(world, tmp_path)
        status = await fleet.backend.status()
        assert status.served is None
        assert "no champion" in status.problem
        with pytest.raises(NoChampion):
            await ask(fleet)
        assert not await fleet.conductor.check()
        version = world.add_model(seed=1)
        world.registry.set_alias("champion", version.version)
        assert not await fleet.conductor.check()
        assert "no index" in await fleet.conductor.problem()
        world.promote(version, tmp_path)
        assert await fleet.conductor.check()
        assert (await ask(fleet)).served.version == version.version

    asyncio.run(main())


def test_tampered_weights_leave_all_replicas_where_they_are(world: World, tmp_path: Path) -> None:
    versions = [world.add_model(seed=1), world.add_model(seed=2)]
    expected(world, versions, tmp_path / "other")
    world.registry.set_alias("champion", versions[0].version)
    fleet = fleet_of(world, tmp_path)

    async def main() -> None:
        world.registry.set_alias("champion", versions[1].version)
        assert await fleet.conductor.check()
        world.registry.set_alias("champion", versions[0].version)
        for weights in (tmp_path / "models").rglob("*.safetensors"):
            weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
        assert not await fleet.conductor.check()
        assert "model-tampered" in await fleet.conductor.problem()
        assert (await ask(fleet)).served.version == versions[1].version

    asyncio.run(main())


def test_a_full_gate_refuses_and_lets_in_again() -> None:
    async def main() -> None:
        gate, hold = Gate(2), asyncio.Event()
        tasks = [asyncio.create_task(gate.through(1, hold.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await gate.through(1, hold.wait)
        assert refused.value.retry_after_s >= 1
        hold.set()
        await asyncio.gather(*tasks)
        assert await gate.through(5, hold.wait)  # a request larger than the gate goes alone
        assert gate.inside == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    "error", [NoChampion(), IndexAbsent("mdl_a", "ds_b"), Overloaded(7), NotFound("pair", "pair_x")]
)
def test_errors_on_purpose_travel_between_processes(error: JournalclipError) -> None:
    there = pickle.loads(pickle.dumps(error))
    assert str(there) == str(error)
    assert isinstance(there, type(error) if isinstance(error, TransientError) else PermanentError)
    assert there.__dict__ == error.__dict__
