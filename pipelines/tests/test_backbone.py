"""Intake, freezing, audit and repair on the fakes: what each promises, and what each finds wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from journalclip_pipelines.backbone.audit import audit
from journalclip_pipelines.backbone.freezing import Freezer, FreezeRule, FreezingHandler
from journalclip_pipelines.backbone.inbox import INBOX, Dropped, FolderInbox
from journalclip_pipelines.backbone.intake import IntakeHandler, reconcile, take
from journalclip_pipelines.backbone.notifications import ObjectsCreated, example, translate
from journalclip_pipelines.backbone.readers import facts_of
from journalclip_pipelines.backbone.repair import letters, rebuild, reindex, replay
from journalclip_pipelines.backbone.upload import application
from journalclip_pipelines.submit import submit
from journalclip_pipelines.testing.chain import STAGES, Chain, FolderRegistry, article_bytes
from journalclip_pipelines.topology import NOTIFICATIONS
from journalclip_shared.bus import Delivery, Record
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import PermanentError, TransientError
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
from journalclip_shared.testing.facts import submitted
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


def new_chain() -> Chain:
    return Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2))


def run(chain: Chain) -> None:
    while any(Loop(chain.bus, chain.handler(stage), QUICK).drain() for stage in STAGES):
        pass


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Three articles all the way, one in quarantine."""
    made = new_chain()
    for number in (0, 1, 2):
        submit(made.store, made.bus, made.drop(tmp_path, number))
    submit(made.store, made.bus, made.drop(tmp_path, 9, figures=0))
    run(made)
    return made


def delivery(body: bytes) -> Delivery:
    return Delivery(NOTIFICATIONS, 0, 0, "k", (), body)


def created(body: bytes) -> ObjectsCreated:
    fact = translate(delivery(body)).fact
    assert isinstance(fact, ObjectsCreated)
    return fact


RUSTFS = {
    "EventName": "s3:ObjectCreated:Put",
    "Key": "articles/issues/Año 1.pdf",
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "rustfs:s3",
            "eventName": "s3:ObjectCreated:Put",
            "s3": {"bucket": {"name": "articles"}, "object": {"key": "issues%2FA%C3%B1o%201.pdf", "size": 8}},
        }
    ],
}
CEPH = {
    "Records": [
        {
            "eventVersion": "2.2",
            "eventSource": "ceph:s3",
            "eventName": "ObjectCreated:CompleteMultipartUpload",
            "s3": {"bucket": {"name": "articles"}, "object": {"key": "issues/Año 1.pdf", "size": "8"}},
            "opaqueData": "",
        },
        {
            "eventSource": "ceph:s3",
            "eventName": "ObjectRemoved:Delete",
            "s3": {"bucket": {"name": "articles"}, "object": {"key": "issues/old.pdf", "size": "8"}},
        },
    ]
}


@pytest.mark.parametrize(
    ("body", "source"),
    [
        (example("articles", "issues/Año 1.pdf"), "minio:s3"),
        (json.dumps(RUSTFS).encode(), "rustfs:s3"),
        (json.dumps(CEPH).encode(), "ceph:s3"),
    ],
)
def test_every_store_s_notification_names_the_object(body: bytes, source: str) -> None:
    fact = created(body)
    (found,) = fact.objects
    assert (fact.source, found.bucket) == (source, "articles")
    assert "issues/Año 1.pdf" in found.keys


def test_a_key_is_kept_in_every_reading() -> None:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%20c.pdf"}}}
    (found,) = created(json.dumps({"Records": [record]}).encode()).objects
    assert found.keys == ("a b c.pdf", "a+b%20c.pdf")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Records": []}', b"\xff", b'{"Records": [{"s3": 1}]}'])
def test_what_is_no_notification_says_so(body: bytes) -> None:
    with pytest.raises(PermanentError) as refused:
        translate(delivery(body))
    assert refused.value.code == "notification-undecodable"


def intake(chain: Chain, inbox: FolderInbox) -> int:
    return Loop(chain.bus, IntakeHandler(chain.store, inbox), QUICK, decode=translate).drain()


def names(chain: Chain) -> list[str]:
    return [fact.name for fact in facts_of(chain.bus, ArticleSubmitted)]


def inbox_with(folder: Path, *keys: str) -> FolderInbox:
    for number, key in enumerate(keys):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(article_bytes(number))
    return FolderInbox(folder)


def test_a_notified_pdf_is_submitted_and_all_else_passed_over(tmp_path: Path) -> None:
    chain = new_chain()
    inbox = inbox_with(tmp_path, f"{INBOX}Año 1.pdf", f"{INBOX}notes.txt", "sha256/ab/other.pdf")
    keys = (f"{INBOX}Año 1.pdf", f"{INBOX}notes.txt", "sha256/ab/other.pdf", f"{INBOX}gone.pdf")
    for bucket in ("articles", "elsewhere"):
        chain.bus.publish_raw([Record(NOTIFICATIONS, key, (), example(bucket, key)) for key in keys])
    assert intake(chain, inbox) == 8
    assert names(chain) == ["Año 1.pdf"]
    assert list(chain.bus.read(f"{NOTIFICATIONS}.dlq")) == []


def test_the_reconciler_finds_what_was_never_announced_and_only_once(tmp_path: Path) -> None:
    chain = new_chain()
    inbox = inbox_with(tmp_path, f"{INBOX}a.pdf", f"{INBOX}deep/b.pdf", f"{INBOX}c.txt")
    assert [fact.name for fact in reconcile(chain.store, inbox, chain.bus)] == ["a.pdf", "b.pdf"]
    assert reconcile(chain.store, inbox, chain.bus) == []
    (tmp_path / INBOX / "a.pdf").write_bytes(article_bytes(77))  # other bytes under the same name
    assert [fact.name for fact in reconcile(chain.store, inbox, chain.bus)] == ["a.pdf"]
    assert len(set(facts_of(chain.bus, ArticleSubmitted))) == 3


def test_an_object_that_vanishes_is_told_or_passed_over(tmp_path: Path) -> None:
    chain = new_chain()
    inbox = FolderInbox(tmp_path)
    with pytest.raises(PermanentError) as refused:
        take(chain.store, inbox, Dropped(f"{INBOX}gone.pdf", "v1"))
    assert refused.value.code == "inbox-object-gone"

    class Haunted(FolderInbox):
        def list(self) -> Iterator[Dropped]:
            yield Dropped(f"{INBOX}gone.pdf", "v1")

    assert reconcile(chain.store, Haunted(tmp_path), chain.bus) == []


def test_a_handler_refuses_what_is_not_for_it(chain: Chain, tmp_path: Path) -> None:
    event = Event(submitted(1), "test")
    handlers = [IntakeHandler(chain.store, FolderInbox(tmp_path)), chain.handler("freezing")]
    handlers += [chain.handler("training"), chain.handler("promotion")]
    for handler in handlers:
        with pytest.raises(TypeError, match="is not for"):
            list(handler.handle(event))


def test_an_upload_does_what_a_drop_does() -> None:
    chain = new_chain()
    client = TestClient(application(chain.store, chain.bus, max_bytes=100))
    first = client.post("/articles", params={"name": "../../etc/Año 1.pdf"}, content=article_bytes(1))
    again = client.post("/articles", params={"name": "copy.pdf"}, content=article_bytes(1))
    large = client.post("/articles", content=b"x" * 101)
    assert (first.status_code, first.json()["new"]) == (202, True)
    assert again.json() == {"article_id": first.json()["article_id"], "new": False, "copy_of": "Año 1.pdf"}
    assert (large.status_code, large.json()["code"]) == (413, "upload-too-large")
    assert names(chain) == ["Año 1.pdf", "Año 1.pdf"]
    assert client.get("/healthz").text == "ok\n"


def test_an_upload_says_when_the_world_is_unwell(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = new_chain()

    def refuse(events: object) -> None:
        raise TransientError("the broker is away")

    monkeypatch.setattr(chain.bus, "publish", refuse)
    answer = TestClient(application(chain.store, chain.bus, 100)).post("/articles", content=article_bytes(1))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def structured(chain: Chain, tmp_path: Path, *numbers: int) -> list[PairsStructured]:
    for number in numbers:
        submit(chain.store, chain.bus, chain.drop(tmp_path, number))
    for stage in STAGES[:2]:
        Loop(chain.bus, chain.handler(stage), QUICK).drain()
    return list(facts_of(chain.bus, PairsStructured))


def freezer_of(chain: Chain, rule: FreezeRule, clock: Callable[[], float] = lambda: 0.0) -> Freezer:
    return Freezer(chain.store, rule, list, chain.freezer()._options, clock)


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
    assert FreezingHandler(chain.freezer()).group == "freezing"
    assert chain.freezer().flush() == []


def test_a_sound_system_audits_clean_and_counts_right(chain: Chain) -> None:
    found = audit(chain.bus, chain.store, chain.registry)
    assert found.violations == []
    assert (found.articles, found.pairs) == (4, 6)
    assert found.states == {"structured": 3, "quarantined": 1}
    assert found.as_json()["violations"] == []


def codes(chain: Chain) -> set[str]:
    return {each.code for each in audit(chain.bus, chain.store, chain.registry).violations}


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
    assert "pair-duplicate" in codes(chain)


def test_the_audit_finds_a_miscounted_and_a_silent_dataset(chain: Chain) -> None:
    fact = list(facts_of(chain.bus, DatasetFrozen))[-1]
    chain.bus.publish([Event(fact.model_copy(update={"pairs": 99}), "test")])
    chain.store.put_manifest("datasets", "freezes/99999999", b'{"fact": {"dataset_id": "ds_silent"}}')
    assert codes(chain) == {"dataset-count", "dataset-unannounced"}


def test_the_audit_finds_a_document_that_is_none(chain: Chain) -> None:
    ref = chain.store.put("figures", b'{"no": "document"}', "application/json")
    known = next(iter(facts_of(chain.bus, ArticleSubmitted))).article_id
    chain.bus.publish([Event(PairsStructured(article_id=known, document=ref, pairs=0), "test")])
    assert codes(chain) == {"document-invalid"}


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
    assert audit(chain.bus, chain.store, settled=False).violations == []


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
    assert audit(chain.bus, chain.store, chain.registry).states == {"structured": 1, "quarantined": 1}
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
    counts = rebuild(chain.bus, chain.store, chain.registry)
    assert counts[ArticleSubmitted.topic] == 4
    assert counts[PairsStructured.topic] == 3
    assert counts[ModelPromoted.topic] == 1
    run(chain)
    assert audit(chain.bus, chain.store, chain.registry).violations == []
    assert {fact.code for fact in facts_of(chain.bus, SourceQuarantined)} == {"no-figures"}
    assert rebuild(MemoryBus(), chain.store).keys() == counts.keys() - {"models.trained.v1", "models.promoted.v1"}


def test_reindex_announces_the_champion_as_a_new_fact(chain: Chain) -> None:
    before = list(facts_of(chain.bus, ModelPromoted))
    fact = reindex(chain.bus, chain.registry)
    assert fact is not None
    assert fact.model_id == before[-1].model_id
    assert fact.sequence == max(each.sequence for each in before) + 1
    assert audit(chain.bus, chain.store, chain.registry).violations == []
    assert reindex(MemoryBus(), MemoryRegistry()) is None


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
