"""Audit and repair over a light chain in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_devtools.faults.chain import STAGES, Chain, FolderRegistry
from journalclip_devtools.faults.light_index import search_handlers
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_intake.handler import IntakeHandler
from journalclip_intake.inbox import FolderInbox
from journalclip_pipelines.operations.audit import Audit, audit
from journalclip_pipelines.operations.repair import letters, rebuild, reindex, replay
from journalclip_shared.bus import Record
from journalclip_shared.catalogue.engine import open_engine, sqlite_url
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import TransientError
from journalclip_shared.events import (
    ArticleSubmitted,
    DatasetFrozen,
    Event,
    Fact,
    FiguresExtracted,
    ModelPromoted,
    PairsStructured,
    SourceQuarantined,
)
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.testing.facts import submitted
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


def new_chain() -> Chain:
    return Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2))


def run(chain: Chain) -> None:
    while any(Loop(chain.bus, each, QUICK).drain() for each in (*map(chain.handler, STAGES), *search_handlers(chain))):
        pass


@pytest.fixture(params=["log", "catalogue"])
def chain(tmp_path: Path, request: pytest.FixtureRequest) -> Chain:
    """Three articles all the way, one in quarantine."""
    made = new_chain()
    for number in (0, 1, 2):
        submit(made.store, made.bus, made.drop(tmp_path, number))
    submit(made.store, made.bus, made.drop(tmp_path, 9, figures=0))
    run(made)
    _CATALOGUES.clear()
    if request.param == "catalogue":
        engine = open_engine(sqlite_url(tmp_path / "catalogue.db"))
        upgrade(engine)
        catch_up(made.bus, Projector(engine, made.store))
        _CATALOGUES.append(engine)
    return made


_CATALOGUES: list[Engine] = []  # of the test that runs: what the audit asks; none: it reads the log


def audited(chain: Chain, settled: bool = True) -> Audit:
    """As the command does it: the catalogue has caught up with the log."""
    for engine in _CATALOGUES:
        catch_up(chain.bus, Projector(engine, chain.store))
    registries: dict[Kind, ModelRegistry] = {"articles": chain.registry} if settled else {}
    return audit(chain.bus, chain.store, registries, settled, _CATALOGUES[0] if _CATALOGUES else None)


def test_a_handler_refuses_what_is_not_for_it(chain: Chain, tmp_path: Path) -> None:
    event = Event(submitted(1), "test")
    handlers = [IntakeHandler(chain.store, FolderInbox(tmp_path)), chain.handler("freezing")]
    handlers += [chain.handler("training"), chain.handler("promotion")]
    for handler in handlers:
        with pytest.raises(TypeError, match="is not for"):
            list(handler.handle(event))


def test_a_sound_system_audits_clean_and_counts_right(chain: Chain) -> None:
    found = audited(chain)
    assert found.violations == []
    assert (found.sources["articles"], found.pairs) == (4, 6)
    assert found.states == {"structured": 3, "quarantined": 1}
    assert found.as_json()["violations"] == []


def codes(chain: Chain) -> set[str]:
    return {each.code for each in audited(chain).violations}


def test_the_audit_finds_lost_and_damaged_bytes(chain: Chain) -> None:
    assert isinstance(chain.store, MemoryArtifacts)
    fact = next(iter(facts_of(chain.bus, ArticleSubmitted)))
    chain.store.damage(fact.pdf, b"something else")
    assert codes(chain) == {"artifact-corrupt"}
    chain.store.damage(fact.pdf, None)
    assert codes(chain) == {"artifact-missing"}


@pytest.mark.parametrize("kind", [FiguresExtracted, PairsStructured])
def test_the_audit_finds_a_lost_document(chain: Chain, kind: type[FiguresExtracted] | type[PairsStructured]) -> None:
    assert isinstance(chain.store, MemoryArtifacts)
    chain.store.damage(next(iter(facts_of(chain.bus, kind))).document, None)
    assert "artifact-missing" in codes(chain)


def test_the_audit_finds_what_log_and_store_do_not_agree_on(chain: Chain, tmp_path: Path) -> None:
    chain.bus.publish([Event(submitted(77), "test")])
    submit(chain.store, MemoryBus(), chain.drop(tmp_path, 88))
    document = next(iter(facts_of(chain.bus, FiguresExtracted))).document
    chain.bus.publish([Event(FiguresExtracted(article_id="art_x", document=document, figures=0, panels=0), "test")])
    assert codes(chain) == {
        "submission-unrecorded", "submission-unannounced", "article-unfinished", "article-unknown"
    }  # fmt: skip


def test_the_audit_finds_a_pair_told_twice(chain: Chain) -> None:
    one, two = list(facts_of(chain.bus, PairsStructured))[:2]
    chain.bus.publish([Event(two.model_copy(update={"document": one.document}), "test")])
    # The catalogue has one row a document, of the source that it was announced for first.
    assert "pair-duplicate" in codes(chain) or _CATALOGUES


def test_the_audit_finds_a_miscounted_and_a_silent_dataset(chain: Chain) -> None:
    fact = list(facts_of(chain.bus, DatasetFrozen))[-1]
    chain.bus.publish([Event(fact.model_copy(update={"pairs": 99}), "test")])
    chain.store.put_manifest("datasets", "freezes/99999999", b'{"fact": {"dataset_id": "ds_silent"}}')
    # The catalogue keeps the first announcement of a dataset, which was right.
    assert codes(chain) == {"dataset-unannounced"} if _CATALOGUES else {"dataset-count", "dataset-unannounced"}


def test_the_audit_finds_a_document_that_is_none(chain: Chain) -> None:
    ref = chain.store.put("figures", b'{"no": "document"}', "application/json")
    known = next(iter(facts_of(chain.bus, ArticleSubmitted))).article_id
    chain.bus.publish([Event(PairsStructured(article_id=known, document=ref, pairs=0), "test")])
    assert codes(chain) == {"event-unprojected"} if _CATALOGUES else {"document-invalid"}


def test_the_audit_finds_a_champion_that_is_not_what_it_seems(chain: Chain) -> None:
    assert isinstance(chain.store, MemoryArtifacts)
    champion = chain.registry.by_alias("champion")
    assert champion is not None
    chain.registry.drop_alias("champion")
    assert codes(chain) == {"champion-missing"}
    other = chain.registry.register("mdl_other", champion.manifest, "", {})
    chain.registry.set_alias("champion", other.version)
    assert codes(chain) == {"champion-unannounced"}
    chain.store.damage(champion.manifest, b"{}")
    assert "champion-broken" in codes(chain)


def test_an_article_on_its_way_is_no_violation_when_asked_so(chain: Chain, tmp_path: Path) -> None:
    submit(chain.store, chain.bus, chain.drop(tmp_path, 55))
    assert codes(chain) == {"article-unfinished"}
    assert audited(chain, settled=False).violations == []


class Unwell:
    """Extraction while the store is away."""

    group = "extraction"
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted,)

    def handle(self, event: Event) -> list[Fact]:
        raise TransientError("the store is away")


def test_dead_letters_are_replayed_once_and_heal_what_an_outage_buried(tmp_path: Path) -> None:
    chain = new_chain()
    submit(chain.store, chain.bus, chain.drop(tmp_path, 1))
    submit(chain.store, chain.bus, chain.drop(tmp_path, 9, figures=0))
    Loop(chain.bus, Unwell(), QUICK).drain()
    assert {each.code for each in letters(chain.bus)} == {"retries-exhausted"}
    assert len(replay(chain.bus, codes=("retries-exhausted",))) == 2
    assert replay(chain.bus) == []
    run(chain)
    assert audit(chain.bus, chain.store, {"articles": chain.registry}).states == {"structured": 1, "quarantined": 1}
    assert [each.code for each in replay(chain.bus, topics=(ArticleSubmitted.topic,))] == ["no-figures"]


def test_a_letter_buried_twice_is_one_letter(tmp_path: Path) -> None:
    chain = new_chain()
    submit(chain.store, chain.bus, chain.drop(tmp_path, 1))
    Loop(chain.bus, Unwell(), QUICK).drain()
    (letter,) = chain.bus.read(f"{ArticleSubmitted.topic}.dlq")
    chain.bus.publish_raw([Record(letter.topic, letter.key, letter.headers, letter.body)])
    assert len(list(letters(chain.bus))) == 1


def test_everything_is_rebuilt_from_manifests_after_losing_the_log(chain: Chain) -> None:
    chain.bus = MemoryBus()
    counts = rebuild(chain.bus, chain.store, {"articles": chain.registry})
    assert counts[ArticleSubmitted.topic] == 4
    assert counts[PairsStructured.topic] == 3
    assert counts[ModelPromoted.topic] == 1
    run(chain)
    assert audit(chain.bus, chain.store, {"articles": chain.registry}).violations == []
    assert {fact.code for fact in facts_of(chain.bus, SourceQuarantined)} == {"no-figures"}
    assert rebuild(MemoryBus(), chain.store, {}).keys() == counts.keys() - {"models.trained.v1", "models.promoted.v1"}


def test_reindex_announces_the_champion_as_a_new_fact(chain: Chain) -> None:
    before = list(facts_of(chain.bus, ModelPromoted))
    fact = reindex(chain.bus, "articles", chain.registry)
    assert fact is not None
    assert fact.model_id == before[-1].model_id
    assert fact.sequence == max(each.sequence for each in before) + 1
    assert audit(chain.bus, chain.store, {"articles": chain.registry}).violations == []
    assert reindex(MemoryBus(), "articles", MemoryRegistry()) is None


def test_the_folder_registry_keeps_what_it_was_told(tmp_path: Path) -> None:
    ref = MemoryArtifacts().put("models", b"m", "application/json")
    registry = FolderRegistry(tmp_path)
    first = registry.register("mdl_a", ref, "run", {"k": "v"})
    assert FolderRegistry(tmp_path).register("mdl_a", ref, "run", {}) == first
    registry.set_alias("champion", first.version)
    registry.tag(first.version, "gate", "passed")
    again = FolderRegistry(tmp_path)
    found = again.by_alias("champion")
    assert found is not None
    assert found.tags == {"k": "v", "gate": "passed"}
    assert again.versions() == [found]
    again.drop_alias("champion")
    assert registry.by_alias("champion") is None
