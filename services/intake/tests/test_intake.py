"""Intake: notifications, the reconciler and the upload end in the same facts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_devtools.faults.chain import Chain, article_bytes
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.handler import IntakeHandler, Reconciler, reconcile, take
from journalclip_intake.inbox import INBOX, Dropped, FolderInbox
from journalclip_intake.notifications import ObjectsCreated, example, translate
from journalclip_intake.upload import application
from journalclip_shared.artifacts import Bucket
from journalclip_shared.bus import Delivery, Record
from journalclip_shared.catalogue.engine import catalogue_url, open_engine
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.deliveries import MAX_ENTRIES
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import ArticleSubmitted, DeliverySubmitted
from journalclip_shared.history import facts_of
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.settings import Settings
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry
from journalclip_shared.withdrawals import Withdrawals

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)


def new_chain() -> Chain:
    return Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2))


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
        take(chain.store, Withdrawals(chain.store), inbox, Dropped(f"{INBOX}gone.pdf", "v1"))
    assert refused.value.code == "inbox-object-gone"

    class Haunted(FolderInbox):
        def list(self) -> Iterator[Dropped]:
            yield Dropped(f"{INBOX}gone.pdf", "v1")

    assert reconcile(chain.store, Haunted(tmp_path), chain.bus) == []


def listed(folder: Path, names: object, *files: str) -> FolderInbox:
    """A dropped folder of ``files`` with its list."""
    inbox = inbox_with(folder, *(f"{INBOX}case/{each}" for each in files))
    (folder / INBOX / "case").mkdir(parents=True, exist_ok=True)
    (folder / INBOX / "case" / "files.json").write_text(names if isinstance(names, str) else json.dumps(names))
    return inbox


def test_a_folder_with_its_list_is_one_delivery(tmp_path: Path) -> None:
    chain = new_chain()
    inbox = listed(tmp_path, ["text.xml", "fig/f1.tif", "text.xml"], "text.xml", "fig/f1.tif", "draft.doc")
    chain.bus.publish_raw([Record(NOTIFICATIONS, "k", (), example(inbox.bucket, f"{INBOX}case/files.json"))])
    assert intake(chain, inbox) == 1
    (fact,) = facts_of(chain.bus, DeliverySubmitted)
    assert (fact.name, [each.name for each in fact.files]) == ("case", ["fig/f1.tif", "text.xml"])


@pytest.mark.parametrize(
    "names",
    ["{", {"a": 1}, [], [1], [""], ["gone.xml"], ["../secret.xml"], ["/etc/passwd"], ["a"] * (MAX_ENTRIES + 1)],
)
def test_a_wrong_list_is_refused_when_announced_and_passed_over_later(tmp_path: Path, names: object) -> None:
    chain = new_chain()
    inbox = listed(tmp_path, names, "text.xml")
    found = inbox.find(f"{INBOX}case/files.json")
    assert found is not None
    with pytest.raises(PermanentError) as refused:
        take(chain.store, Withdrawals(chain.store), inbox, found)
    assert refused.value.code == "bundle-list-invalid"
    assert reconcile(chain.store, inbox, chain.bus) == []


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


def test_what_a_notification_brought_is_not_fetched_again_where_the_catalogue_knows_it(tmp_path: Path) -> None:
    chain, fetched = new_chain(), list[str]()

    class Watched(FolderInbox):
        def fetch(self, dropped: Dropped, path: Path) -> None:
            fetched.append(dropped.key)
            super().fetch(dropped, path)

    inbox_with(tmp_path, f"{INBOX}a.pdf", f"{INBOX}b.pdf")
    chain.bus.publish_raw([Record(NOTIFICATIONS, "a", (), example("articles", f"{INBOX}a.pdf"))])
    intake(chain, Watched(tmp_path))
    settings = Settings(workdir=tmp_path / "work")
    engine = open_engine(catalogue_url(settings))
    upgrade(engine)
    catch_up(chain.bus, Projector(engine, chain.store))
    reconciler = Reconciler(chain.store, Watched(tmp_path), chain.bus, settings)
    assert [fact.name for fact in reconciler.look()] == ["b.pdf"]
    assert fetched == [f"{INBOX}a.pdf", f"{INBOX}b.pdf"], "one fetch each"
    assert [fact.name for fact in facts_of(chain.bus, ArticleSubmitted)] == ["a.pdf", "b.pdf"], "announced once each"


@pytest.mark.parametrize("with_catalogue", [True, False])
def test_receipts_are_not_listed_at_each_look(tmp_path: Path, with_catalogue: bool) -> None:
    class Watched(MemoryArtifacts):
        listed = 0

        def list_manifests(self, bucket: Bucket, prefix: str = "") -> Iterator[str]:
            self.listed += prefix == "received/"
            return super().list_manifests(bucket, prefix)

    store, bus = Watched(), MemoryBus()
    settings = Settings(workdir=tmp_path / "work")
    if with_catalogue:
        upgrade(open_engine(catalogue_url(settings)))
    inbox = inbox_with(tmp_path, f"{INBOX}a.pdf", f"{INBOX}b.pdf")
    reconciler = Reconciler(store, inbox, bus, settings)
    assert len(reconciler.look()) == 2
    assert [reconciler.look() for _ in range(3)] == [[], [], []]
    assert store.listed == (0 if with_catalogue else 1)
    assert Reconciler(store, inbox, bus, settings).look() == [], "a new process finds the receipts in the store"
