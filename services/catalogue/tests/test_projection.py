"""The same rows whatever the order, the repetitions and the deaths; what people ask is answered from them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import Engine, create_engine, inspect, select

from journalclip_catalogue.errors import AnotherProjector
from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import ProjectionLoop
from journalclip_catalogue.migrate import downgrade, upgrade
from journalclip_catalogue.rebuild import check, rebuild
from journalclip_devtools.faults.chain import STAGES, Chain
from journalclip_devtools.servers import postgres
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_shared import failpoints
from journalclip_shared.bus import Delivery
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.engine import open_engine, sqlite_url
from journalclip_shared.catalogue.resolve import Resolver
from journalclip_shared.catalogue.tables import FAILED, METADATA, PLACE
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.events import Event, FiguresExtracted, PairsStructured, SourcesReinstated, SourcesWithdrawn
from journalclip_shared.failpoints import SimulatedCrash
from journalclip_shared.history import facts_of
from journalclip_shared.ids import canonical_json
from journalclip_shared.ranks import rank_of
from journalclip_shared.records.article import Box, ExtractedArticle, Figure, Panel
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.withdrawal import Scope, Withdrawal
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry
from journalclip_shared.withdrawals import write_withdrawal

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Four articles all the way, one in quarantine, and two versions of one article's pairs."""
    made = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2))
    folder = tmp_path_factory.mktemp("drops")
    for number in range(4):
        submit(made.store, made.bus, made.drop(folder, number))
    submit(made.store, made.bus, made.drop(folder, 9, figures=0))
    while any(Loop(made.bus, made.handler(stage), QUICK).drain() for stage in STAGES):
        pass
    restructured(made, "rules-10")
    restructured(made, "rules-9")  # an old version that is announced last
    for action in ("withdraw", "reinstate"):
        say(made, "article", first(made), action)
    say(made, "figure", "fig_any", "withdraw")
    return made


def say(chain: Chain, scope: Scope, subject: str, action: Literal["withdraw", "reinstate"]) -> None:
    """A person's word, stored and announced."""
    reason = "retraction" if action == "withdraw" else None
    word = Withdrawal.model_validate(
        {"scope": scope, "subject": subject, "sequence": 1, "action": action, "reason": reason, "who": "a", "time": "t"}
    )
    said, ref = write_withdrawal(chain.store, word)
    about = {"scope": scope, "subject": subject, "sequence": said.sequence, "document": ref}
    fact = (
        SourcesWithdrawn.model_validate({**about, "reason": reason})
        if reason
        else SourcesReinstated.model_validate(about)
    )
    chain.bus.publish([Event(fact, "test")])


def restructured(chain: Chain, structurer: str) -> None:
    """Another version of the first article's pairs, one pair fewer."""
    fact = next(iter(facts_of(chain.bus, PairsStructured)))
    document = StructuredArticle.model_validate_json(chain.store.get(fact.document))
    other = document.model_copy(
        update={
            "structurer": structurer,
            "pairs": tuple(
                each.model_copy(update={"pair_id": f"{each.pair_id}-{structurer}"}) for each in document.pairs[:1]
            ),
        }
    )
    ref = chain.store.put_manifest("figures", f"structured/x/{structurer}/{fact.article_id}", other.canonical())
    chain.bus.publish([Event(PairsStructured(article_id=fact.article_id, document=ref, pairs=1), "test")])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian's `postgresql`)")
    with postgres.running() as url:
        yield url


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty catalogue in a file; with `ON_BOTH` also in a new database of a PostgreSQL server."""
    url = sqlite_url(tmp_path / "catalogue.db")
    if getattr(request, "param", "sqlite") == "postgresql":
        server, name = request.getfixturevalue("postgresql"), f"t{uuid.uuid4().hex}"
        with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"create database {name}")
        url = f"{server.rpartition('/')[0]}/{name}"
    made = open_engine(url)
    upgrade(made)
    yield made
    made.dispose()


ON_BOTH = pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)


def log(chain: Chain) -> list[Delivery]:
    return [delivery for topic in Projector.topics for delivery in chain.bus.read(topic)]


def rows(engine: Engine, without: Sequence[str] = ("place",)) -> Rows:
    with engine.connect() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in METADATA.sorted_tables
            if table.name not in without
        }


@pytest.fixture
def expected(chain: Chain, tmp_path: Path) -> Rows:
    undisturbed = open_engine(sqlite_url(tmp_path / "undisturbed.db"))
    upgrade(undisturbed)
    projector = Projector(undisturbed, chain.store)
    projector.project(log(chain))
    projector.settle()
    return rows(undisturbed)


@ON_BOTH
def test_the_log_becomes_rows_and_their_answers(chain: Chain, engine: Engine) -> None:
    assert ProjectionLoop(chain.bus, Projector(engine, chain.store)).drain() > 0
    catalogue = Catalogue(engine)
    assert catalogue.counts() == {"quarantined": 1, "structured": 4}
    (refused,) = catalogue.quarantined()
    assert (refused.code, refused.state) == ("no-figures", "quarantined")
    assert refused.remedy
    assert [each.source_id for each in catalogue.quarantined(code="no-figures")] == [refused.source_id]
    assert catalogue.quarantined(code="pdf-empty") == []
    newest = catalogue.newest(first(chain), "structuring")
    assert newest is not None
    assert "rules-10" in newest.uri, "10 is later than 9, and the order of events does not count"
    (place,) = catalogue.where(first(chain))
    assert place.source is not None
    assert place.source.pairs == 1
    assert catalogue.failed() == 0


def first(chain: Chain) -> str:
    return next(iter(facts_of(chain.bus, PairsStructured))).article_id


@ON_BOTH
def test_a_withdrawn_source_says_so_until_it_is_reinstated(chain: Chain, engine: Engine) -> None:
    bus, store = MemoryBus(), MemoryArtifacts()
    store._objects.update(chain.store._objects)  # type: ignore[attr-defined]  # words of this test alone
    mine = replace(chain, bus=bus, store=store)
    bus.publish_raw([_record(each) for each in log(chain)])
    article, projector = first(chain), Projector(engine, store)
    for action, state in (("withdraw", "withdrawn"), ("reinstate", "structured"), ("withdraw", "withdrawn")):
        say(mine, "article", article, action)  # type: ignore[arg-type]
        ProjectionLoop(bus, projector).drain()
        (place,) = Catalogue(engine).where(article)
        assert place.source is not None
        assert place.source.state == state
    assert {each["subject"] for each in Resolver(engine).withdrawn()} == {article, "fig_any"}
    assert check(engine, bus, store) == {}


@ON_BOTH
def test_an_id_of_an_older_version_leads_to_the_one_that_holds_now(chain: Chain, engine: Engine) -> None:
    """The article of a delivery gets another id, and so do its figure, its panel and its pair."""
    store, bus = MemoryArtifacts(), MemoryBus()
    for version, article in (("3", "art_before"), ("4", "art_now")):
        figure = Figure(
            figure_id=f"fig_{article}", number="2", label="Figure 2.", caption="Axial CT.", caption_page=1, page=1,
            panels=(Panel(panel_id=f"pan_{article}", letter="B", page=1, box=Box(x0=0, y0=0, x1=1, y1=1)),),
        )  # fmt: skip
        known = {"article_id": article, "pdf": sample_ref(), "name": "a.pdf"}
        extracted = ExtractedArticle.model_validate(
            {
                **known,
                "extractor": f"journalclip-{version}-ab",
                "pages": 1,
                "figures": (figure,),
                "delivery_id": "art_d",
            }
        )
        document = store.put_manifest("figures", f"extracted/{version}/{article}", extracted.canonical())
        pair = Pair(
            pair_id=f"pair_{article}", article_id=article, figure_id=figure.figure_id, panel_id=f"pan_{article}",
            label="Figure 2.", image=sample_ref("picture"), text="Axial CT.", record=CaptionRecord(), page=1,
        )  # fmt: skip
        structured = StructuredArticle.model_validate(
            {**known, "structurer": "rules-1", "extractor": extracted.extractor, "source": document, "pairs": (pair,)}
        )
        pairs = store.put_manifest("figures", f"structured/{version}/{article}", structured.canonical())
        drawn = FiguresExtracted(article_id=article, document=document, figures=1, panels=1, delivery_id="art_d")
        done = PairsStructured(article_id=article, document=pairs, pairs=1)
        bus.publish([Event(drawn, "test"), Event(done, "test")])
    ProjectionLoop(bus, Projector(engine, store)).drain()
    resolver = Resolver(engine)
    for asked, found in (
        ("art_before", "art_now"), ("art_d", "art_now"), ("art_now", "art_now"), ("fig_art_before", "fig_art_now"),
        ("pan_art_before", "pan_art_now"), ("pair_art_before", "pair_art_now"), ("pair_art_now", "pair_art_now"),
    ):  # fmt: skip
        assert [thing.id for thing in resolver.present(asked)] == [found], asked
    assert resolver.present("fig_nobody") == ()


@ON_BOTH
def test_where_finds_a_source_by_everything_that_names_it(chain: Chain, engine: Engine) -> None:
    ProjectionLoop(chain.bus, Projector(engine, chain.store)).drain()
    catalogue, source = Catalogue(engine), first(chain)
    fact = list(facts_of(chain.bus, PairsStructured))[1]
    pair = StructuredArticle.model_validate_json(chain.store.get(fact.document)).pairs[0]
    (by_id,) = catalogue.where(source)
    assert by_id.found_by == "article"
    assert {str(each["stage"]) for each in by_id.documents} == {"extraction", "structuring"}
    for asked, found_by in ((pair.pair_id, "pair"), (pair.figure_id, "figure")):
        (place,) = catalogue.where(asked)
        assert place.found_by == found_by
        assert place.source is not None
        assert place.source in {found.source for found in catalogue.where(fact.article_id)}
    assert by_id.source is not None
    assert by_id.source in {place.source for place in catalogue.where(by_id.source.name[:-4])}
    (by_submission,) = catalogue.where(by_id.source.source_id)
    assert (by_submission.found_by, by_submission.documents) == ("source", by_id.documents)
    assert catalogue.where("100%_of_nothing") == []


@ON_BOTH
def test_pages_list_every_source_once(chain: Chain, engine: Engine) -> None:
    ProjectionLoop(chain.bus, Projector(engine, chain.store)).drain()
    catalogue = Catalogue(engine)
    seen, after = list[str](), None
    while page := catalogue.sources(after=after, limit=2):
        seen += [each.source_id for each in page]
        after = (page[-1].received, page[-1].source_id)
    assert len(seen) == len(set(seen)) == 5
    assert [each.source_id for each in catalogue.all_sources(kind="articles")] == seen
    assert list(catalogue.all_sources(kind="studies")) == []


@pytest.mark.parametrize("seed", range(12))
def test_any_order_repetition_and_death_give_the_same_rows(
    chain: Chain, engine: Engine, expected: Rows, seed: int
) -> None:
    rng, projector = random.Random(seed), Projector(engine, chain.store)
    todo = {topic: list(chain.bus.read(topic)) for topic in Projector.topics}
    while any(todo.values()):
        topic = rng.choice([topic for topic, rest in todo.items() if rest])
        size = rng.randint(1, 4)
        batch = todo[topic][:size]
        point = rng.choice([None, None, "before-rows", "before-place", "before-end", "after-end"])
        failpoints.arm(f"catalogue.{point}=crash" if point else "")
        try:
            projector.project(batch)
        except SimulatedCrash:
            continue  # the same batch comes again
        finally:
            failpoints.arm("")
        if rng.random() < 0.3:
            assert projector.project(batch) == 0, "what was projected is known by its place"
        todo[topic] = todo[topic][size:]
    projector.settle()
    assert rows(engine) == expected


@ON_BOTH
def test_a_second_projector_changes_nothing(
    chain: Chain, engine: Engine, expected: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick, deliveries = Projector(engine, chain.store), Projector(engine, chain.store), log(chain)
    read = Projector._read

    def overtaken(self: Projector, new: Sequence[Delivery]) -> object:
        if self is slow:
            quick.project(deliveries)
        return read(self, new)

    monkeypatch.setattr(Projector, "_read", overtaken)
    with pytest.raises(AnotherProjector):
        slow.project(deliveries)
    assert slow.project(deliveries) == 0
    slow.settle()
    assert rows(engine) == expected


def test_an_old_document_that_is_announced_again_changes_nothing(chain: Chain, engine: Engine) -> None:
    bus, projector = MemoryBus(), Projector(engine, chain.store)
    bus.publish_raw([_record(each) for each in log(chain)])
    ProjectionLoop(bus, projector).drain()
    before = rows(engine)
    old = next(iter(facts_of(chain.bus, PairsStructured)))
    bus.publish([Event(old, "replay")])
    assert ProjectionLoop(bus, projector).drain() >= 0
    assert rows(engine) == before


def _record(delivery: Delivery):  # type: ignore[no-untyped-def]
    from journalclip_shared.bus import Record

    return Record(delivery.topic, delivery.key, delivery.headers, delivery.body)


@ON_BOTH
def test_what_cannot_be_projected_is_kept_and_stops_nothing(chain: Chain, engine: Engine, expected: Rows) -> None:
    deliveries = log(chain)
    poison = replace(deliveries[0], offset=10_000, headers=(), body=b"{")
    lost = PairsStructured(article_id="art_x", document=sample_ref("nowhere", "application/json"), pairs=1)
    bus = MemoryBus()
    bus.publish([Event(lost, "test")])
    (missing,) = bus.read(PairsStructured.topic)
    missing = replace(missing, offset=10_000)
    projector = Projector(engine, chain.store)
    projector.project([*deliveries, poison, missing])
    projector.settle()
    assert Catalogue(engine).failed() == 2
    with engine.connect() as connection:
        errors = [row.error for row in connection.execute(select(FAILED))]
    assert any("artifact-missing" in error for error in errors)
    assert {name: found for name, found in rows(engine).items() if name != "failed_event"} == {
        name: found for name, found in expected.items() if name != "failed_event"
    }


def test_a_store_that_is_away_projects_nothing_of_the_batch(chain: Chain, engine: Engine) -> None:
    class Away(MemoryArtifacts):
        def get(self, ref: object) -> bytes:
            raise TransientError("away", "store")

    with pytest.raises(TransientError):
        Projector(engine, Away()).project(log(chain))
    assert all(not found for found in rows(engine, without=()).values())


@ON_BOTH
def test_a_rebuilt_catalogue_is_the_projected_one(chain: Chain, engine: Engine, expected: Rows) -> None:
    ProjectionLoop(chain.bus, Projector(engine, chain.store)).drain()
    assert check(engine, chain.bus, chain.store) == {}
    with engine.begin() as connection:
        connection.execute(METADATA.tables["pair"].delete())
        connection.execute(PLACE.delete())
    assert check(engine, chain.bus, chain.store).keys() == {"pair"}
    rebuild(engine, chain.bus, chain.store)
    assert rows(engine) == expected
    assert ProjectionLoop(chain.bus, Projector(engine, chain.store)).drain() == 0


def test_a_database_that_was_lost_is_filled_though_the_group_is_ahead(tmp_path: Path, chain: Chain) -> None:
    bus = SqliteBus(tmp_path / "events.db")
    bus.publish_raw([_record(each) for each in log(chain)])
    for name in ("one", "two"):
        engine = open_engine(sqlite_url(tmp_path / f"{name}.db"))
        upgrade(engine)
        ProjectionLoop(bus, Projector(engine, chain.store)).drain()
        assert Catalogue(engine).counts() == {"quarantined": 1, "structured": 4}


@ON_BOTH
def test_migrations_make_the_tables_and_take_them_away(engine: Engine) -> None:
    found = inspect(engine)
    for table in METADATA.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == {column.name for column in table.columns}
        assert {index["name"] for index in found.get_indexes(table.name)} == {index.name for index in table.indexes}
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    with pytest.raises(ConfigurationError, match="catalogue-schema"):
        Catalogue(engine).counts()
    upgrade(engine)
    assert Catalogue(engine).counts() == {}


@ON_BOTH
def test_tables_that_an_upgrade_adds_are_filled_from_the_past(chain: Chain, engine: Engine, expected: Rows) -> None:
    loop = ProjectionLoop(chain.bus, Projector(engine, chain.store))
    loop.drain()
    downgrade(engine, "0001")
    upgrade(engine)
    loop.drain()
    assert rows(engine) == expected


def test_ranks_are_numbers() -> None:
    names = ["rules-9", "rules-10", "rules/3-ab12", "journalclip-3-abcdef12", "none"]
    assert [rank_of(name) for name in names] == [9, 10, 3, 3, 0]
    assert canonical_json({"x": 1}) == b'{"x":1}'
