from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.load import asking, each_alone, failed, mixed
from journalclip_devtools.doubles.site import make_site
from journalclip_inference.errors import NoChampion
from journalclip_inference.handler import FigureIndexer, SegmentHandler
from journalclip_inference.index import collection, words
from journalclip_inference.index.facets import Filters
from journalclip_inference.reload import CurrentSnapshot, Reloader, listen, watch
from journalclip_inference.snapshot import Query
from journalclip_modeling.encoder import Encoder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus, SqliteConsumer
from journalclip_shared.events import Event, PairsStructured

QUERY = "axial CT showing subdural haematoma"
CLIENTS = 8
CHANGES = 5


def test_a_new_champion_takes_over_whole_and_a_broken_one_does_not(world: World, tmp_path: Path) -> None:
    holder = CurrentSnapshot()
    reloader = Reloader(world.store, world.registry, tmp_path / "cache", holder)
    assert not reloader.check()
    assert "no champion" in reloader.problem
    with pytest.raises(NoChampion):
        holder.take()
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    assert reloader.check()
    assert not reloader.check()  # nothing changed
    assert reloader.problem == ""
    first = holder.take()
    world.registry.set_alias("champion", world.add_model(seed=2).version)  # promoted, its index not built yet
    assert not reloader.check()
    assert "no index" in reloader.problem
    assert holder.take() is first
    world.promote(world.registry.versions()[1], tmp_path / "cache")
    assert reloader.check()
    second = holder.take()
    assert second.manifest.model_id == second.collection.manifest.model_id != first.manifest.model_id


def test_tampered_weights_never_reach_a_reader(world: World, tmp_path: Path) -> None:
    world.promote(world.add_model(seed=1), tmp_path / "other")
    holder = CurrentSnapshot()
    reloader = Reloader(world.store, world.registry, tmp_path / "cache", holder)
    assert reloader.check()
    version = world.add_model(seed=2)
    world.promote(version, tmp_path / "cache")
    for weights in (tmp_path / "cache" / "models").rglob("*.safetensors"):
        weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    before = holder.take()
    assert not reloader.check()
    assert "model-tampered" in reloader.problem
    assert holder.take() is before


def foreign_version(world: World) -> None:
    """A version that something else registered under our name."""
    ref = world.store.put_manifest("models", "trained/foreign", b'{"flavour": "sklearn"}')
    world.registry.set_alias("champion", world.registry.register("foreign", ref, "", {}).version)


def torn(path: Path) -> None:
    """Of the right length, and half of it zeros."""
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[: len(whole) // 2].ljust(len(whole), b"\0"))


def torn_store(world: World, cache: Path) -> None:
    """A champion whose index is damaged where it is kept."""
    version = world.add_model(seed=2)
    store = world.store
    assert isinstance(store, LocalArtifacts)
    before = set((store.root / "models").rglob("*"))
    world.promote(version, cache)
    for path in set((store.root / "models").rglob("*")) - before:
        if path.is_file() and path.suffix != ".json":
            torn(path)


def test_what_was_torn_on_this_machine_is_fetched_again(world: World, tmp_path: Path) -> None:
    holder = CurrentSnapshot()
    cache = tmp_path / "cache"
    world.promote(world.add_model(seed=1), tmp_path / "other")
    assert Reloader(world.store, world.registry, cache, holder).check()
    right = [hit.score for hit in holder.take().search(Query(QUERY), 5, Filters()).hits]
    for path in (cache / "indexes").rglob("*"):
        if path.is_file():
            torn(path)
    collection._verified.clear()  # as in a process that starts anew
    words._verified.clear()
    assert Reloader(world.store, world.registry, cache, holder).check()
    assert [hit.score for hit in holder.take().search(Query(QUERY), 5, Filters()).hits] == right


@pytest.mark.parametrize("fault", ["foreign version", "torn store", "no memory"])
def test_whatever_goes_wrong_the_former_champion_serves_and_it_is_told(
    world: World, tmp_path: Path, fault: str
) -> None:
    first = world.add_model(seed=1)
    world.promote(first, tmp_path / "other")
    site = make_site(world, tmp_path)
    reloader, client = site.service.reloader, site.client()
    assert reloader.check()
    if fault == "foreign version":
        foreign_version(world)
    elif fault == "torn store":
        torn_store(world, tmp_path / "other")
    else:
        world.promote(world.add_model(seed=2), tmp_path / "other")
        reloader._load = out_of_memory
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=(reloader, stop, 0.01))
    thread.start()
    waited = time.monotonic() + 60
    while reloader.failures < 2:  # it went on after the first
        time.sleep(0.01)
        assert thread.is_alive()
        assert time.monotonic() < waited
    ready = client.get("/readyz").json()
    assert ready["served"]["version"] == first.version
    assert ready["problem"]
    assert "journalclip_reload_problem 1.0" in client.get("/metrics").text
    assert client.post("/v1/search", json={"text": QUERY, "k": 3}).json()["served"]["version"] == first.version
    world.registry.set_alias("champion", first.version)  # rolled back
    while reloader.problem:
        time.sleep(0.01)
        assert time.monotonic() < waited
    stop.set()
    thread.join()
    assert client.get("/readyz").json()["problem"] == ""
    assert "journalclip_reload_problem 0.0" in client.get("/metrics").text


def out_of_memory(_folder: Path) -> Encoder:
    raise MemoryError("no room for the weights")


def test_a_bus_that_fails_is_listened_to_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("journalclip_inference.reload._AGAIN_S", 0.01)
    stop, asked = threading.Event(), threading.Event()

    class Failing(SqliteBus):
        calls = 0

        def consumer(self, topics: Sequence[str], group: str) -> SqliteConsumer:
            Failing.calls += 1
            if Failing.calls < 3:
                raise sqlite3.OperationalError("disk I/O error")
            asked.set()
            return super().consumer(topics, group)

    thread = threading.Thread(target=listen, args=(lambda: False, Failing(tmp_path / "events.db"), "test", stop))
    thread.start()
    assert asked.wait(60)
    stop.set()
    thread.join()


def test_a_later_article_is_picked_up_without_loading_the_model_again(world: World, tmp_path: Path) -> None:
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    holder = CurrentSnapshot()
    reloader = Reloader(world.store, world.registry, tmp_path / "cache", holder)
    reloader.check()
    before = holder.take()
    late = world.add_article(200)
    ref = world.store.find_manifest("figures", f"structured/test-1/test-1/{late.article_id}")
    assert ref is not None
    event = Event(PairsStructured(article_id=late.article_id, document=ref, pairs=3), "test")
    SegmentHandler(world.store, FigureIndexer(world.store, tmp_path / "cache"), world.champion).handle(event)
    assert reloader.check()
    assert holder.take().encoder is before.encoder
    assert holder.take().collection.pairs == before.collection.pairs + 3


def test_polling_and_listening_both_notice(world: World, tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "events.db")
    holder, stop = CurrentSnapshot(), threading.Event()
    reloader = Reloader(world.store, world.registry, tmp_path / "cache", holder)
    threads = [
        threading.Thread(target=watch, args=(reloader, stop, 0.05)),
        threading.Thread(target=listen, args=(reloader.check, bus, "test", stop)),
    ]
    for thread in threads:
        thread.start()
    fact = world.promote(world.add_model(seed=1), tmp_path / "cache")
    bus.publish([Event(fact, "test")])
    deadline = time.monotonic() + 60
    while not holder.ready and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert holder.take().served.version == fact.version
    assert reloader.reloads == 1


def test_a_segment_that_is_written_after_its_announcement_is_noticed_without_the_clock(
    world: World, tmp_path: Path
) -> None:
    bus = SqliteBus(tmp_path / "events.db")
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    holder, stop, looked = CurrentSnapshot(), threading.Event(), threading.Event()
    reloader = Reloader(world.store, world.registry, tmp_path / "cache", holder)
    reloader.check()
    before = holder.take().collection.pairs

    def check() -> bool:
        found = reloader.check()
        looked.set()
        return found

    late = world.add_article(200)
    ref = world.store.find_manifest("figures", f"structured/test-1/test-1/{late.article_id}")
    assert ref is not None
    event = Event(PairsStructured(article_id=late.article_id, document=ref, pairs=3), "test")
    thread = threading.Thread(target=listen, args=(check, bus, "test", stop, 600.0))
    thread.start()
    bus.publish([event])
    assert looked.wait(60)  # the announcement was heard, and there was nothing yet
    assert holder.take().collection.pairs == before
    SegmentHandler(world.store, FigureIndexer(world.store, tmp_path / "cache"), world.champion).handle(event)
    deadline = time.monotonic() + 60
    while holder.take().collection.pairs == before and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert holder.take().collection.pairs == before + 3


def test_no_request_fails_and_no_answer_is_mixed_while_champions_change(world: World, tmp_path: Path) -> None:
    """Each answer must be, to the last score, what its model and its index alone give; `bench reload` lasts longer."""
    versions = [world.add_model(seed=1), world.add_model(seed=2)]
    alone = each_alone(world, versions, tmp_path / "cache", QUERY)
    site = make_site(world, tmp_path)
    site.service.reloader.check()
    with live_server(site.service.app) as address, asking(address, QUERY, CLIENTS) as answers:
        for change in range(CHANGES):
            seen = len(answers)
            while len(answers) < seen + CLIENTS:  # every change happens under load
                time.sleep(0.01)
            world.registry.set_alias("champion", versions[change % 2].version)
            assert site.service.reloader.check()
    assert len(answers) >= CHANGES * CLIENTS
    assert (failed(answers), mixed(answers, alone)) == ([], [])
    assert {answer.body["served"]["model_id"] for answer in answers} == set(alone)
