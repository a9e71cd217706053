"""`explain` asks a bounded number of statements and reads, however long the history is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_devtools.faults.chain import Chain
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_pipelines.operations.explaining import explained
from journalclip_shared.catalogue.engine import open_engine, sqlite_url
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.events import DatasetFrozen, ModelTrained, PairsStructured
from journalclip_shared.finding import StoreFinder
from journalclip_shared.history import facts_of
from journalclip_shared.lineage import Lineage, UnknownId
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.testing.memory import CountingArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)
STAGES = ("extraction", "structuring", "freezing", "training", "promotion")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, CountingArtifacts, Engine]:
    """Twelve articles, a dataset and a model after every second one."""
    folder, store = tmp_path_factory.mktemp("history"), CountingArtifacts()
    chain = Chain(MemoryBus(), store, MemoryRegistry(), FreezeRule(new_pairs=4))
    for number in range(12):
        submit(chain.store, chain.bus, chain.drop(folder, number))
        for stage in STAGES:
            Loop(chain.bus, chain.handler(stage), QUICK).drain()
    engine = open_engine(sqlite_url(folder / "catalogue.db"))
    upgrade(engine)
    catch_up(chain.bus, Projector(engine, store))
    return chain, store, engine


@contextmanager
def counted(store: CountingArtifacts, engine: Engine) -> Iterator[list[str]]:
    said = list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    store.reads = 0
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def wanted(chain: Chain) -> list[str]:
    """One id of every sort, of the first article."""
    fact = next(iter(facts_of(chain.bus, PairsStructured)))
    pair = StructuredArticle.model_validate_json(chain.store.get(fact.document)).pairs[0]
    dataset = next(iter(facts_of(chain.bus, DatasetFrozen))).dataset_id
    model = next(iter(facts_of(chain.bus, ModelTrained))).model_id
    return [pair.pair_id, pair.figure_id, fact.article_id, dataset, model]


def test_ten_statements_and_ten_reads_explain_anything(history: tuple[Chain, CountingArtifacts, Engine]) -> None:
    chain, store, engine = history
    assert len({fact.dataset_id for fact in facts_of(chain.bus, DatasetFrozen)}) == 6
    for each in wanted(chain):
        with counted(store, engine) as statements:
            explained(store, engine, each)
        assert len(statements) <= 10, each
        assert store.reads <= 10, each


def test_the_catalogue_explains_what_the_whole_store_does(history: tuple[Chain, CountingArtifacts, Engine]) -> None:
    chain, store, engine = history
    for each in wanted(chain):
        found, whole = explained(store, engine, each), Lineage(store, StoreFinder(store)).explain(each)
        by_id = "dataset_id"
        for steps in (found, whole):
            if isinstance(rows := steps.get("datasets"), list):
                steps["datasets"] = sorted(rows, key=lambda row: str(row[by_id]) if isinstance(row, dict) else "")
        assert found == whole
    assert len(found) > 1
    pair = explained(store, engine, wanted(chain)[0])
    assert isinstance(pair["datasets"], list)
    assert len(pair["datasets"]) == 6, "the first article is in every dataset"
    with pytest.raises(UnknownId):
        explained(store, engine, "pair_nothing")
